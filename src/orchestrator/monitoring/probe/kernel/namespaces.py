"""Entering the network namespaces of containers, for as long as it takes to open a socket there.

A socket belongs to the namespace in which it was opened, for ever. So each namespace is entered
once, by the one thread of the probe and without anything in between, and left at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_NEWNET = 0x40000000


def inside(path: str, act: Callable[[], T]) -> T:
    """Act in the namespace that a file such as /proc/PID/ns/net names. Raises OSError."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            return act()
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(descriptor: int) -> None:
    if hasattr(os, "setns"):  # from Python 3.12 on
        os.setns(descriptor, _NEWNET)
        return
    import ctypes  # noqa: PLC0415 - only where it is needed, as it costs memory

    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
