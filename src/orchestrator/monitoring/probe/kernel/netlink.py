"""Sockets to the kernel: one question, all of its answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from orchestrator.monitoring.probe.kernel.messages import (
    DONE,
    ERROR,
    Message,
    NetlinkError,
    error_of,
    messages,
)

ROUTE = 0
SOCK_DIAG = 4
CONNECTOR = 11
NETFILTER = 12
_READ_BYTES = 64 * 1024  # the kernel fills no more than half of it at a time
_TIMEOUT_S = 2.0
_RCVBUFFORCE = 33


def open_netlink(protocol: int, *, groups: int = 0, buffer_bytes: int = 0) -> socket.socket:
    """A socket in the current network namespace; with groups it never waits. Raises OSError."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        if buffer_bytes:
            _enlarge(opened, buffer_bytes)
        opened.bind((0, groups))
        opened.settimeout(0 if groups else _TIMEOUT_S)
    except OSError:
        opened.close()
        raise
    return opened


def _enlarge(opened: socket.socket, size: int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, size)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def ask(opened: socket.socket, question: bytes) -> Iterator[Message]:
    """The answer to a dump. Raises NetlinkError, TimeoutError or OSError."""
    opened.send(question)
    while True:
        for message in messages(opened.recv(_READ_BYTES)):
            if message.type == DONE:
                return
            if message.type == ERROR:
                code = error_of(message)
                if code:
                    raise NetlinkError(code, os.strerror(code))
                return
            yield message


def drain(opened: socket.socket, limit: int = 1000) -> Iterator[bytes]:
    """Datagrams of groups, as many as have come. Raises OSError (ENOBUFS: some were lost)."""
    for _ in range(limit):
        try:
            yield opened.recv(_READ_BYTES)
        except BlockingIOError:
            return
