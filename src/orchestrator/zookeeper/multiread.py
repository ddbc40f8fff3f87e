"""``multiRead``: the values of many znodes in one request, which kazoo does not know.

A new leader reads the whole registry before it serves; one request a znode costs kazoo some 200
us each, this a few. Servers know it since 3.6. Source: ``OpCode.multiRead``,
``MultiOperationRecord`` and ``MultiResponse`` of Apache ZooKeeper.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from kazoo.exceptions import EXCEPTIONS
from kazoo.protocol.serialization import GetData

_HEADER = struct.Struct("!i?i")  # kind, whether it is the end, error
_INT = struct.Struct("!i")
_STAT_BYTES = 68
_ERROR = -1


class MultiRead:
    """A request as kazoo's connection takes it; the answer is a list of bytes or exceptions."""

    type = 22

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    def serialize(self) -> bytes:
        """The body of the request."""
        body = bytearray()
        for path in self._paths:
            body += _HEADER.pack(GetData.type, False, _ERROR) + GetData(path, None).serialize()
        return bytes(body + _HEADER.pack(_ERROR, True, _ERROR))

    @classmethod
    def deserialize(cls, data: bytes, offset: int) -> list[Any]:
        """The values, or why one cannot be read."""
        found: list[Any] = []
        while True:
            kind, is_end, _ = _HEADER.unpack_from(data, offset)
            offset += _HEADER.size
            if is_end:
                return found
            (number,) = _INT.unpack_from(data, offset)
            offset += _INT.size
            if kind == _ERROR:
                found.append(EXCEPTIONS[number]())
                continue
            length = max(0, number)  # -1 stands for a value that was never set
            found.append(data[offset : offset + length])
            offset += length + _STAT_BYTES
