"""What is said on a quorum port before all else, where it wants a login by SASL
(``QuorumAuthPacket`` of ZooKeeper).

Either side sends a step of the login; the server says with it how the login stands.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from orchestrator.zookeeper.jute.errors import FrameError

URI = "zookeeper-quorum/zk-quorum-sasl-md5"
"""What SASL's digests are for: the names that servers have agreed on."""
_MAGIC = 0x5F2435013501EDCC
_HEAD = struct.Struct(">qii")  # the magic number, the status, the length of the token
_LONGEST = 64 * 1024
HEAD_BYTES = _HEAD.size


class Status(IntEnum):
    """How a login stands."""

    REFUSED = -1
    GOES_ON = 0
    DONE = 1


class Head(NamedTuple):
    """``status`` is a number, for a server may say more than `Status` knows; so many bytes of a
    token follow."""

    status: int
    token_bytes: int


def encode_step(token: bytes) -> bytes:
    """A step of the learner's."""
    return _HEAD.pack(_MAGIC, Status.GOES_ON, len(token)) + token


def read_head(data: bytes) -> Head:
    """The beginning of a step of the server's. Raises FrameError."""
    magic, status, size = _HEAD.unpack(data)
    if magic != _MAGIC or size > _LONGEST:
        raise FrameError("the quorum port does not answer a login by SASL")
    return Head(status, max(size, 0))
