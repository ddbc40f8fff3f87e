"""Netlink messages as bytes, pure: headers, attributes and the bodies that rtnetlink knows.

Source: netlink(7), rtnetlink(7), linux/netlink.h, linux/rtnetlink.h, linux/if_link.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

ERROR, DONE = 2, 3
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
CREATE, EXCLUSIVE, REPLACE = 0x400, 0x200, 0x100
NESTED = 0x8000

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


class NetlinkMessage(NamedTuple):
    """A message without its header's length and pid."""

    type: int
    flags: int
    sequence: int
    body: bytes


def encode(message: NetlinkMessage) -> bytes:
    """The message with its header."""
    length = _HEADER.size + len(message.body)
    head = _HEADER.pack(length, message.type, message.flags, message.sequence, 0)
    return head + message.body


def decode(data: bytes) -> Iterator[NetlinkMessage]:
    """The messages of one datagram; what is cut short ends it."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        yield NetlinkMessage(kind, flags, sequence, data[at + _HEADER.size : at + length])
        at += _aligned(length)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def text(kind: int, value: str) -> bytes:
    """An attribute that is a string."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """An attribute of 32 bits in the machine's order."""
    return attribute(kind, struct.pack("=I", value))


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds others."""
    return attribute(kind | NESTED, b"".join(attributes))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a body, by kind; of several of one kind the last."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found[kind & 0x3FFF] = data[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def as_text(value: bytes) -> str:
    """What ``text`` wrote."""
    return value.rstrip(b"\0").decode(errors="replace")


def as_number(value: bytes) -> int:
    """What ``number`` wrote."""
    return int(struct.unpack("=I", value[:4])[0])


def raise_error(body: bytes) -> None:
    """Raises OSError when an acknowledgement, or the end of a dump, tells of one."""
    number = -int(struct.unpack_from("=i", body)[0]) if len(body) >= 4 else 0
    if number > 0:
        raise OSError(number, os.strerror(number))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
