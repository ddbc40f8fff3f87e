"""Tests that run in a chroot, as they do where a whole Debian is laid out beside the machine's own.

The mount namespace of a chroot has another root than its processes. What enters a container made
there (``docker exec``, ``runc exec``) lands in that other root, and user namespaces are refused.
``make_root_real`` gives this process, and all it starts, a mount namespace with the chroot as root.
"""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

CLONE_NEWNS = 0x00020000
MNT_DETACH = 2
MS_REC, MS_PRIVATE = 0x4000, 0x40000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def make_root_real() -> None:
    """In a chroot, and as root, leave it for a namespace of its own; elsewhere, do nothing.

    Nothing changes either where the chroot is no mount point: it cannot become a root.
    """
    if os.geteuid() != 0 or platform.machine() not in _PIVOT_ROOT or not _is_chroot():
        return
    directory = Path.cwd()
    _call("unshare", CLONE_NEWNS)
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)  # of the new namespace
    _to_root_of_namespace()
    old = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.fchdir(root)
    try:
        _call("syscall", _PIVOT_ROOT[platform.machine()], b".", b".")
    except OSError:
        os.chroot(".")
    else:
        os.fchdir(old)
        _call("umount2", b".", MNT_DETACH)
    os.chdir(directory)
    os.close(root)
    os.close(old)


def _is_chroot() -> bool:
    """Found out by a child, because finding out leaves the chroot."""
    child = os.fork()
    if child == 0:
        try:
            root = Path("/").stat()
            _call("unshare", CLONE_NEWNS)
            _to_root_of_namespace()
            os._exit(not os.path.samestat(root, Path("/").stat()))
        finally:
            os._exit(0)  # no namespaces here: nothing could be mended either
    return os.waitpid(child, 0)[1] != 0


def _to_root_of_namespace() -> None:
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    _call("setns", namespace, CLONE_NEWNS)
    os.close(namespace)
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
