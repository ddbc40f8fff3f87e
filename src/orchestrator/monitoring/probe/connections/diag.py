"""Questions and answers of sock_diag(7) about TCP and UDP; pure. Form: linux/inet_diag.h,
linux/tcp.h.

The kernel counts what was sent with what had to be sent again, so payload is the difference of
both. Of what was received it counts the FIN as a byte, which is taken off where a FIN has come.
Of UDP it counts nothing: all such numbers are 0.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from orchestrator.monitoring.probe.kernel.messages import (
    DONE,
    ERROR,
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
_FIN_HAS_COME = (8, 9, 11)  # CLOSE_WAIT, LAST_ACK, CLOSING
_HEAD = struct.Struct("=IHHIIBBBB36s4xQ16xI")
_TCP_INFO = struct.Struct("=68xI28xI24xQ64xQQ")
_OLD_INFO = struct.Struct("=68xI28xI16xQQ")
_ATTRIBUTE = struct.Struct("=HH")
_LAST_BYTES = 284
_LAST = _ATTRIBUTE.pack(_LAST_BYTES, _INFO)
_MAPPED = bytes(10) + b"\xff\xff"


class Seen(NamedTuple):
    """One socket, as the kernel tells of it."""

    family: int
    state: int
    ends: bytes
    """Ports and addresses as they came: ``endpoints`` reads them."""
    cookie: int
    """Names the socket, as nothing else is the same after it was closed."""
    inode: int
    """0 of a socket that no process holds."""
    sent: int
    """Bytes of payload, each once."""
    received: int
    retransmits: int
    """Segments."""
    rtt_us: int


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
    offset, size = 0, len(data)
    head, head_size = _HEAD.unpack_from, _HEAD.size
    while offset + head_size <= size:
        length, type, _, _, _, family, state, _, _, ends, cookie, inode = head(data, offset)
        if type == BY_FAMILY and length >= head_size and offset + length <= size:
            sent, received, again, rtt_us = _counters(data, offset + head_size, offset + length)
            if state in _FIN_HAS_COME and received:
                received -= 1
            yield Seen(family, state, ends, cookie, inode, sent, received, again, rtt_us)
        if length < 16:
            return
        offset += (length + 3) & ~3


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


def _counters(data: bytes, begin: int, end: int) -> tuple[int, int, int, int]:
    last = end - _LAST_BYTES
    if last >= begin and data[last : last + 4] == _LAST:  # where the kernels of today put it
        rtt_us, again, received, sent, resent = _TCP_INFO.unpack_from(data, last + 4)
        return sent - resent, received, again, rtt_us
    while begin + 4 <= end:
        length, type = _ATTRIBUTE.unpack_from(data, begin)
        if type == _INFO:
            room = min(length, end - begin) - 4
            if room >= _TCP_INFO.size:
                rtt_us, again, received, sent, resent = _TCP_INFO.unpack_from(data, begin + 4)
                return sent - resent, received, again, rtt_us
            if room >= _OLD_INFO.size:  # before Linux 4.19: acknowledged is all that is counted
                rtt_us, again, acked, received = _OLD_INFO.unpack_from(data, begin + 4)
                return acked, received, again, rtt_us
        if length < 4:
            break
        begin += (length + 3) & ~3
    return 0, 0, 0, 0


@lru_cache(maxsize=4096)
def _ip(family: int, raw: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[:4])
    if raw.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)
