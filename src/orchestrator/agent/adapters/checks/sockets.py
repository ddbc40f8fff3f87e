"""Sockets in the network namespace of a task.

A socket belongs for ever to the namespace in which it was made, so only its making has to happen
there: one thread enters the namespace, makes the socket and comes back, and all the rest goes on in
the event loop. A task that shares the agent's network needs no thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/self/ns/net"


async def connect(made: socket.socket, address: tuple[str, int]) -> None:
    """Connect a socket that does not block. Raises OSError.

    On the loopback interface the connection mostly stands when connect(2) returns, though that says
    it does not yet; asking first saves the way through the selector.
    """
    try:
        made.connect(address)
    except BlockingIOError:
        try:
            made.getpeername()
        except OSError:
            await asyncio.get_running_loop().sock_connect(made, address)


class NoSocketError(Exception):
    """No socket can be made there, which says nothing about the task; the text says why."""


class Sockets:
    """Makes sockets; ``close`` ends the thread. ``pid`` is any process of the task."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._own = Path(_OWN).stat()
        self._traveller = ThreadPoolExecutor(1, thread_name_prefix="network-namespaces")

    def close(self) -> None:
        """Make no more sockets."""
        self._traveller.shutdown(wait=False, cancel_futures=True)

    async def open(self, pid: int | None, *, is_ipv6: bool) -> socket.socket:
        """A new TCP socket that does not block. Raises NoSocketError."""
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        try:
            if pid is None or self._is_own(pid):
                return _new(family)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._traveller, self._open_in, pid, family)
        except OSError as error:
            raise NoSocketError(f"No socket for its network: {error.strerror}") from None

    def _is_own(self, pid: int) -> bool:
        seen = os.stat(_of(pid))  # noqa: PTH116 (Path costs more, and this is in every try's way)
        return os.path.samestat(seen, self._own)

    def _open_in(self, pid: int, family: socket.AddressFamily) -> socket.socket:
        home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(_of(pid))
            return _new(family)
        finally:
            self._enter(f"/proc/self/fd/{home}")
            os.close(home)

    def _enter(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._libc.setns(fd, _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(fd)


def _of(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def _new(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    return made
