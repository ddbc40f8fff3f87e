"""The sockets of a namespace from report to report, with a stand-in for the kernel."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from orchestrator.monitoring.probe.connections import diag, sockets
from orchestrator.monitoring.probe.connections.sockets import Namespace

DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
REFUSED = struct.pack("=IHHIIi16x", 36, 2, 0, 1, 0, -errno.ENOENT)


def _udp(cookie: int, remote_port: int, state: int = 1) -> bytes:
    address = socket.inet_aton("10.0.0.1").ljust(16, b"\0")
    body = struct.pack("=BBBB", socket.AF_INET, state, 0, 0)
    body += struct.pack(">HH", 40000, remote_port) + address + address
    body += struct.pack("=IQIIIII", 0, cookie, 0, 0, 0, 1000, 4711)
    return struct.pack("=IHHII", 16 + len(body), diag.BY_FAMILY, 2, 1, 0) + body


class Kernel:
    """Answers questions with what was prepared, and says what was destroyed."""

    def __init__(self) -> None:
        self.pairs: dict[int, tuple[socket.socket, socket.socket]] = {}

    def open(self, protocol: int, *, groups: int = 0, buffer_bytes: int = 0) -> socket.socket:
        """As ``open_netlink``."""
        del protocol, buffer_bytes
        pair = self.pairs[groups] = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for one in pair:
            one.setblocking(False)
        return pair[0]

    def has(self, *udp: bytes, of_udp: bytes = DONE) -> None:
        """What it answers next: no sockets of TCP, these of UDP over IPv4, none over IPv6."""
        for answer in (DONE, DONE, *udp, of_udp, of_udp):
            self.pairs[0][1].send(answer)

    def says(self, destroyed: bytes) -> None:
        """A socket of UDP is no more."""
        self.pairs[diag.DESTROY_GROUPS["udp"]][1].send(destroyed)

    def asked(self) -> list[int]:
        """The protocols of the questions since."""
        found = []
        while True:
            try:
                found.append(self.pairs[0][1].recv(1000)[17])
            except BlockingIOError:
                return found


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    kernel = Kernel()
    monkeypatch.setattr(sockets, "open_netlink", kernel.open)
    yield kernel
    for pair in kernel.pairs.values():
        for one in pair:
            one.close()


def _ends(namespace: Namespace) -> list[tuple[int, bool]]:
    return [(known.ends.remote_port, known.is_closed) for known in namespace.known.values()]


def test_a_kernel_that_does_not_tell_of_udp_is_asked_once(kernel: Kernel) -> None:
    namespace = Namespace(1)
    kernel.has(of_udp=REFUSED)
    namespace.refresh()
    assert (namespace.lacks, kernel.asked()) == ({"udp"}, [6, 6, 17])
    assert kernel.pairs[0][0].recv(100) == REFUSED  # was prepared for IPv6
    kernel.has()
    namespace.refresh()
    assert kernel.asked() == [6, 6]


def test_one_that_is_missing_is_closed_and_what_is_said_of_it_later_is_no_other(
    kernel: Kernel,
) -> None:
    namespace = Namespace(1)
    kernel.has(_udp(7, 53))
    namespace.refresh()
    assert _ends(namespace) == [(53, False)]
    kernel.has()
    namespace.refresh()
    assert _ends(namespace) == [(53, True)]
    assert len(namespace.forget_closed()) == 1
    kernel.says(_udp(7, 53))
    kernel.says(_udp(8, 53))
    namespace.drain()
    assert _ends(namespace) == [(53, True)]
    assert list(namespace.known) == [(8, _udp(8, 53)[20:56])]


def test_one_that_is_connected_anew_is_another(kernel: Kernel) -> None:
    namespace = Namespace(1)
    for port in (53, 54):
        kernel.has(_udp(7, port))
        namespace.refresh()
    assert _ends(namespace) == [(53, True), (54, False)]


def test_who_is_not_connected_is_a_listener_and_to_no_port_is_not_connected(
    kernel: Kernel,
) -> None:
    namespace = Namespace(1)
    kernel.has(_udp(7, 0, state=7) + _udp(8, 0))
    namespace.refresh()
    kernel.says(_udp(8, 0))
    namespace.drain()
    assert (list(namespace.listeners), namespace.known) == ([7], {})


def test_of_very_many_the_first_are_known_and_the_others_counted(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MAX_SOCKETS", 1)
    namespace = Namespace(1)
    kernel.has(_udp(1, 53) + _udp(2, 53) + _udp(3, 0, state=7) + _udp(4, 0, state=7))
    namespace.refresh()
    kernel.says(_udp(5, 53))
    namespace.drain()
    assert (len(namespace.known), len(namespace.listeners), namespace.lost) == (1, 1, 3)
