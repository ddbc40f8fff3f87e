"""Netlink messages and their attributes; pure. Form: netlink(7), linux/netlink.h."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
REQUEST: Final = 0x1
DUMP: Final = 0x300
ERROR: Final = 2
DONE: Final = 3
_OVERRUN: Final = 4
_TYPE_MASK = 0x3FFF  # without "nested" and "network byte order"


class Message(NamedTuple):
    """One message of a datagram; its body is ``data[begin:end]``."""

    type: int
    data: bytes
    begin: int
    end: int


class NetlinkError(OSError):
    """The kernel refuses."""


def request(type: int, body: bytes, flags: int = REQUEST | DUMP, sequence: int = 1) -> bytes:
    """A message to the kernel."""
    return HEADER.pack(HEADER.size + len(body), type, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[Message]:
    """The messages of a datagram; ends with the first that is cut off."""
    offset, size = 0, len(data)
    while offset + HEADER.size <= size:
        length, type, _, _, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size or offset + length > size:
            return
        yield Message(type, data, offset + HEADER.size, offset + length)
        offset += (length + 3) & ~3


def attributes(data: bytes, begin: int, end: int) -> dict[int, tuple[int, int]]:
    """Where the values of attributes begin and end, by type; of one given twice the last."""
    found = {}
    while begin + 4 <= end:
        length, type = ATTRIBUTE.unpack_from(data, begin)
        if length < 4 or begin + length > end:
            break
        found[type & _TYPE_MASK] = (begin + 4, begin + length)
        begin += (length + 3) & ~3
    return found


def error_of(message: Message) -> int:
    """The errno of an ERROR message; 0 for an acknowledgement."""
    if message.end - message.begin < 4:
        return 0
    (code,) = struct.unpack_from("=i", message.data, message.begin)
    return -int(code)
