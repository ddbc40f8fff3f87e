"""The system calls that namespaces need and that Python 3.11 does not offer. Linux only.

Source: unshare(2), setns(2), mount(2), umount(2), ioctl_ns(2).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNET = 0x40000000
NS_GET_NSTYPE = 0xB703
_MS_BIND = 0x1000
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def unshare_network() -> None:
    """Give the calling thread a network namespace of its own. Raises OSError."""
    _check(_libc.unshare(CLONE_NEWNET))


def enter_network(descriptor: int) -> None:
    """Move the calling thread into an open network namespace. Raises OSError."""
    _check(_libc.setns(descriptor, CLONE_NEWNET))


def bind(source: str, target: Path) -> None:
    """Mount a file over another, so that what it names lives on. Raises OSError."""
    _check(_libc.mount(source.encode(), os.fsencode(target), None, _MS_BIND, None), target)


def unmount(target: Path) -> None:
    """Take the topmost mount away; users of it keep what they have open. Raises OSError."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), target)


def _check(result: int, path: Path | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path) if path else None)
