"""Layers copied into one directory, for file systems on which overlayfs cannot be mounted."""

# A layer may have a million entries, and Path doubles what each costs.
# ruff: noqa: PTH101, PTH102, PTH112, PTH114, PTH115, PTH211

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from orchestrator.agent.adapters.images.unpack import (
    CAPABILITY,
    OPAQUE_ATTRIBUTE,
    OPAQUE_ON_OVERLAY,
    remove,
)


def merge(layers: Sequence[Path], target: Path) -> None:
    """Copy layers, the lowest first, as if they were mounted. Raises OSError."""
    for layer in layers:
        _merge_one(str(layer), str(target))


def _merge_one(source: str, target: str) -> None:
    if os.path.isdir(target) and not os.path.islink(target):
        if _is_opaque(source):
            for entry in os.scandir(target):
                remove(entry.path)
    else:
        remove(target)
        os.mkdir(target)
    for entry in os.scandir(source):
        place = f"{target}/{entry.name}"
        kind = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            _merge_one(entry.path, place)
        elif is_whiteout(entry):
            remove(place)
        else:
            remove(place)
            _copy(entry.path, place, kind)
    _copy_metadata(source, target)


def _copy(source: str, target: str, kind: int) -> None:
    if stat.S_ISLNK(kind):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(kind):
        shutil.copyfile(source, target, follow_symlinks=False)
    elif stat.S_ISFIFO(kind):
        os.mkfifo(target)
    _copy_metadata(source, target)


def _copy_metadata(source: str, target: str) -> None:
    found = os.lstat(source)
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(target, stat.S_IMODE(found.st_mode))
        if CAPABILITY in os.listxattr(source):
            os.setxattr(target, CAPABILITY, os.getxattr(source, CAPABILITY))


def is_whiteout(entry: os.DirEntry[str]) -> bool:
    """Whether the entry says that its name is gone from the layers below.

    Every device does: none of an image's own is unpacked.
    """
    return stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode)


def _is_opaque(directory: str) -> bool:
    return not {OPAQUE_ATTRIBUTE, OPAQUE_ON_OVERLAY}.isdisjoint(os.listxattr(directory))
