"""Questions and answers of sock_diag(7) about TCP and UDP; pure. Form: linux/inet_diag.h,
linux/tcp.h.

A dump tells of thousands of sockets, in datagrams whose messages are nearly always of one length,
with the counters at one place. Such a datagram is read at once, any other attribute by attribute.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from orchestrator.monitoring.probe.kernel.messages import (
    ATTRIBUTE,
    DONE,
    ERROR,
    HEADER,
    error_of,
    messages,
    request,
)
from orchestrator.monitoring.report import Protocol

BY_FAMILY: Final = 20
LISTENING: Final = (7, 10)
"""States of sockets that anybody may send to: CLOSE, of unconnected ones of UDP, and LISTEN."""
DESTROY_GROUPS: Final[dict[Protocol, int]] = {"tcp": 1 | 4, "udp": 2 | 8}
"""Over IPv4 and IPv6: a message for each socket that is no more."""

_QUESTION = struct.Struct("=BBBxI48x")
_INFO_BIT = 1 << 1
_INFO = 2
_ASKED: Final[dict[Protocol, tuple[int, int]]] = {  # the number of the protocol, and states
    "tcp": (socket.IPPROTO_TCP, sum(1 << state for state in (1, 4, 5, 8, 9, 10, 11))),
    "udp": (socket.IPPROTO_UDP, 1 << 1 | 1 << 7),
}
_SOCKET = struct.Struct("=BBxx36s4xQ16xI")
_COUNTERS = struct.Struct("=68xI28xI24xQ64xQQ")
_OLD_COUNTERS = struct.Struct("=68xI28xI16xQQ")
_HEAD_BYTES = HEADER.size + _SOCKET.size
_BY_FAMILY = BY_FAMILY.to_bytes(2, sys.byteorder)
_NOT_COUNTED = (0, 0, 0, 0, 0)
_MAPPED = bytes(10) + b"\xff\xff"


class Seen(NamedTuple):
    """One socket, as the kernel tells of it; of UDP it counts nothing, all such numbers are 0."""

    family: int
    state: int
    ends: bytes
    """Ports and addresses as they came: ``endpoints`` reads them."""
    cookie: int
    """Names the socket, as nothing else is the same after it was closed."""
    inode: int
    """0 of a socket that no process holds."""
    rtt_us: int
    retransmits: int
    """Segments."""
    received: int
    """Bytes, and one for the FIN."""
    sent: int
    """Bytes, also those that were sent again."""
    resent: int


class Ends(NamedTuple):
    """Local and remote address and port."""

    ip: str
    port: int
    remote_ip: str
    remote_port: int


def question(family: int, protocol: Protocol) -> bytes:
    """Asks for all sockets of a family but those that are only remembered (TIME_WAIT)."""
    number, states = _ASKED[protocol]
    return request(BY_FAMILY, _QUESTION.pack(family, number, _INFO_BIT, states))


def sockets(data: bytes) -> Iterator[Seen]:
    """Those in one datagram; what is too short to be one is passed over."""
    return map(Seen._make, _alike(data) or _any(data))


def is_over(data: bytes) -> bool:
    """Whether a datagram ends an answer."""
    return len(data) >= 16 and int.from_bytes(data[4:6], "little") in (DONE, ERROR)


def refusal(data: bytes) -> int:
    """The errno of a datagram that says that there is no answer; 0 of any other."""
    return next((error_of(each) for each in messages(data) if each.type == ERROR), 0)


def has_other_end(seen: Seen) -> bool:
    """Whether it is connected to a port; to port 0 sockets of UDP are that look up a route."""
    return seen.ends[2:4] != b"\0\0"


def endpoints(seen: Seen) -> Ends:
    """Readable ends; IPv4 in IPv6 is IPv4."""
    port, remote_port = struct.unpack_from(">HH", seen.ends)
    return Ends(
        _ip(seen.family, seen.ends[4:20]), port, _ip(seen.family, seen.ends[20:36]), remote_port
    )


def _alike(data: bytes) -> Iterator[tuple[Any, ...]] | None:
    """The fields of all, if all messages are of one form; if not, None."""
    length = int.from_bytes(data[:4], sys.byteorder)
    if data[4:6] != _BY_FAMILY or length < _HEAD_BYTES or len(data) % length:
        return None
    begin, end = _place(data, _HEAD_BYTES, length)
    if end - begin < _COUNTERS.size:
        return None
    if len(data) > length and not _repeats(data, length, begin):
        return None
    return _message(length, begin).iter_unpack(data)


def _repeats(data: bytes, length: int, begin: int) -> bool:
    """Whether all messages have the length and type of the first, and the counters' header."""
    headers = (*range(6), *range(begin - ATTRIBUTE.size, begin))
    many = len(data) // length
    return all(data[at::length].count(data[at]) == many for at in headers)


@lru_cache(maxsize=64)
def _message(length: int, begin: int) -> struct.Struct:
    """A message whose counters begin there."""
    before = begin - _HEAD_BYTES
    after = length - begin - _COUNTERS.size
    fields = f"{_SOCKET.format[1:]}{before}x{_COUNTERS.format[1:]}{after}x"
    return struct.Struct(f"={HEADER.size}x{fields}")


def _any(data: bytes) -> Iterator[tuple[Any, ...]]:
    """The fields of each, whatever its form."""
    for message in messages(data):
        begin = message.begin + _SOCKET.size
        if message.type == BY_FAMILY and begin <= message.end:
            counters = _counters(data, *_place(data, begin, message.end))
            yield _SOCKET.unpack_from(data, message.begin) + counters


def _place(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """Where among attributes the counters begin and end; (0, 0) if they are not there."""
    while begin + ATTRIBUTE.size <= end:
        length, type = ATTRIBUTE.unpack_from(data, begin)
        if length < ATTRIBUTE.size or begin + length > end:
            break
        if type == _INFO:
            return begin + ATTRIBUTE.size, begin + length
        begin += (length + 3) & ~3
    return 0, 0


def _counters(data: bytes, begin: int, end: int) -> tuple[int, ...]:
    if end - begin >= _COUNTERS.size:
        return _COUNTERS.unpack_from(data, begin)
    if end - begin >= _OLD_COUNTERS.size:  # before Linux 4.19: acknowledged is all that is counted
        rtt_us, retransmits, acknowledged, received = _OLD_COUNTERS.unpack_from(data, begin)
        return rtt_us, retransmits, received, acknowledged, 0
    return _NOT_COUNTED


@lru_cache(maxsize=4096)
def _ip(family: int, raw: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[:4])
    if raw.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)
