"""mount(2) and umount2(2), which Python's library does not have."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Sequence
from pathlib import Path

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
MAX_OPTIONS_BYTES = 4096 - 1  # mount(2) takes a page
_ESCAPE = re.compile(r"\\([0-7]{3})")
_libc = ctypes.CDLL(None, use_errno=True)


def overlay(layers: Sequence[Path], upper: Path, work: Path, target: Path) -> None:
    """Mount layers, the lowest first, with all that is written going to ``upper``. Raises OSError.

    Device nodes on it do nothing. Where the layers' paths do not fit in a page, they are named by
    descriptors.
    """
    lower = list(reversed(_distinct(layers)))
    descriptors: list[int] = []
    try:
        names = [_escaped(path) for path in lower]
        if len(":".join(names)) > MAX_OPTIONS_BYTES - len(f"{upper}{work}") - 100:
            descriptors = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in lower]
            names = [f"/proc/self/fd/{fd}" for fd in descriptors]
        options = f"lowerdir={':'.join(names)},upperdir={_escaped(upper)},workdir={_escaped(work)}"
        _mount("overlay", target, "overlay", MS_NODEV, options)
    finally:
        for fd in descriptors:
            os.close(fd)


def tmpfs(target: Path, max_bytes: int) -> None:
    """A directory in memory that only root can enter. Raises OSError."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _mount("tmpfs", target, "tmpfs", flags, f"size={max_bytes},mode=700")


def bind(source: Path, target: Path) -> None:
    """Show at ``target`` what is at ``source`` too. Raises OSError."""
    _mount(str(source), target, "none", MS_BIND | MS_REC, "")
    _mount("none", target, "none", MS_REC | MS_PRIVATE, "")


def unmount(target: Path) -> None:
    """Take the mount away, as soon as nobody uses it. Raises OSError; not where there is none."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        number = ctypes.get_errno()
        if Path(target).exists() and number != 22:  # EINVAL: it is no mount
            raise OSError(number, os.strerror(number), str(target))


def below(directory: Path) -> list[Path]:
    """What is mounted below the directory, the latest first. Raises OSError."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    targets = (_ESCAPE.sub(lambda m: chr(int(m[1], 8)), line.split(" ")[4]) for line in lines)
    return [Path(one) for one in targets if one.startswith(f"{directory}/")][::-1]


def _distinct(layers: Sequence[Path]) -> list[Path]:
    """A layer that occurs twice counts where it is highest; overlayfs takes each once only."""
    return list(dict.fromkeys(reversed(layers)))[::-1]


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _mount(source: str, target: Path, type_: str, flags: int, options: str) -> None:
    arguments = (source.encode(), os.fsencode(target), type_.encode(), flags, os.fsencode(options))
    if _libc.mount(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{type_} cannot be mounted: {os.strerror(number)}", str(target))
