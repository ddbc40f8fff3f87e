"""Removes images that nothing uses when the unpacked layers grow beyond a limit.

Layers that no record names go first: what is left of pulls that failed, or of names that stand for
something else now. Then go the records (what a name stood for), the longest unused first, each with
its layers. What was looked up or unpacked a moment ago stays: a container may be about to use it.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

SIZE_SUFFIX = ".size"
STALE_S = 24 * 3600.0  # a download that nobody has gone on with for so long is given up
logger = logging.getLogger(__name__)


class _Names(msgspec.Struct, frozen=True):
    layers: list[str]


def note_size(layer: Path, size: int) -> None:
    """Write down how many bytes a layer takes, before it is there."""
    _size_file(layer).write_text(str(size))


def size_of(directory: Path) -> int:
    """The bytes that a directory takes on disk."""
    total = 0
    for path, _, files in os.walk(directory):
        for name in files:
            total += os.lstat(f"{path}/{name}").st_blocks * 512
    return total


def prune(store: Path, max_bytes: int, idle_s: float, is_in_use: Callable[[Path], bool]) -> None:
    """Bring the store below the limit, as far as that can be done. Raises OSError.

    Only what nobody has looked up for ``idle_s`` may go. Pulls may go on meanwhile, another look of
    this kind may not.
    """
    _remove_stale(store / "downloads", time.time() - STALE_S)
    before = time.time() - idle_s
    sizes = {
        path.with_suffix(""): _read(path) for path in (store / "layers").glob("*" + SIZE_SUFFIX)
    }
    excess = sum(sizes.values()) - max_bytes
    if excess <= 0:
        return
    records = sorted((store / "names").iterdir(), key=_changed_at)
    layers_of = {record: _layers(store, record) for record in records}
    may_go = partial(_can_go, before=before, is_in_use=is_in_use)
    excess -= _remove_nameless(sizes, layers_of, may_go)
    for record in records:
        if excess <= 0:
            return
        if _changed_at(record) > before or any(map(is_in_use, layers_of[record])):
            continue
        record.unlink(missing_ok=True)
        del layers_of[record]
        excess -= _remove_nameless(sizes, layers_of, may_go)


def _remove_stale(downloads: Path, before: float) -> None:
    """Remove the beginnings of downloads with which nobody goes on."""
    for path in downloads.iterdir() if downloads.is_dir() else ():
        if _changed_at(path) <= before:
            path.unlink(missing_ok=True)


def _remove_nameless(
    sizes: dict[Path, int], layers_of: dict[Path, list[Path]], may_go: Callable[[Path], bool]
) -> int:
    """Remove the layers that no record names; gives how many bytes that freed."""
    named = {layer for layers in layers_of.values() for layer in layers}
    gone = [one for one in sizes if one not in named and may_go(one)]
    for layer in gone:
        _remove(layer)
    return sum(sizes.pop(layer) for layer in gone)


def _can_go(layer: Path, *, before: float, is_in_use: Callable[[Path], bool]) -> bool:
    return _changed_at(_size_file(layer)) <= before and not is_in_use(layer)


def _remove(layer: Path) -> None:
    """Out of sight first, so that nobody finds half of it."""
    gone = layer.with_suffix(".gone")
    with contextlib.suppress(FileNotFoundError):
        layer.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    _size_file(layer).unlink(missing_ok=True)
    logger.info("removed the unused layer %s", layer.name)


def _layers(store: Path, record: Path) -> list[Path]:
    try:
        names = msgspec.json.decode(record.read_bytes(), type=_Names).layers
    except (OSError, msgspec.MsgspecError):  # it goes like any other
        return []
    return [store / "layers" / name.removeprefix("sha256:") for name in names]


def _changed_at(path: Path) -> float:
    """When it was last written or looked up; never, where it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _read(path: Path) -> int:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0


def _size_file(layer: Path) -> Path:
    return layer.with_suffix(SIZE_SUFFIX)
