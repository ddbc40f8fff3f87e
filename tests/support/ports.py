"""Ports that nobody listens on, for servers that cannot be given port 0.

They lie below those that Linux gives to outgoing connections (32768 and up), any of which may be
taken between the choice and its use, and below those that agents offer to tasks (31000 and up).
"""

import random
import socket
from contextlib import ExitStack, suppress

_LOWEST, _HIGHEST = 12_000, 30_000
_given: set[int] = set()  # a server that was given one may not have bound it yet


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago."""
    return free_ports(1, host)


def free_ports(count: int, host: str = "127.0.0.1") -> int:
    """The first of so many ports in a row, all free a moment ago."""
    for _ in range(1000):
        first = random.randint(_LOWEST, _HIGHEST - count)
        ports = range(first, first + count)
        if not _given.isdisjoint(ports):
            continue
        with suppress(OSError), ExitStack() as stack:
            for port in ports:
                stack.enter_context(socket.socket()).bind((host, port))
            _given.update(ports)
            return first
    raise AssertionError(f"no {count} ports in a row are free")
