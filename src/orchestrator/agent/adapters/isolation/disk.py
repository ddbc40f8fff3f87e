"""How much disk a container uses, by adding up: of its sandbox, and of each of its volumes.

Works on every file system and costs a look at every file, so a look is bounded in files; where it
had to stop, the sum so far is used, which can only be too little. What is mounted into a sandbox,
and what symbolic links point to, does not count; a file with several names counts once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from orchestrator.agent.adapters import persistence
from orchestrator.agent.adapters.persistence import VolumeError
from orchestrator.mesos.types import Message, Resource

MAX_FILES = 200_000  # a look at so many takes about a second
_BLOCK_BYTES = 512
_MB = 2**20


class DiskQuota(Message):
    """A directory and how much may lie in it."""

    path: Path
    limit_bytes: int
    resources: list[Resource]


def quotas(resources: Iterable[Resource], sandbox: Path, work_dir: Path) -> list[DiskQuota]:
    """Of a container: one for the sandbox, one for each persistent volume; of 0 MB: none."""
    disks = [one for one in resources if one.name == "disk" and one.scalar is not None]
    plain = [one for one in disks if one.disk is None or one.disk.persistence is None]
    found = [_quota(sandbox, plain)] if plain else []
    found += [_quota(path, [one]) for one in disks if (path := _volume(one, work_dir)) is not None]
    return [quota for quota in found if quota.limit_bytes > 0]


def used_bytes(directory: Path, max_files: int = MAX_FILES) -> int:
    """What lies in the directory, in blocks that are taken. Blocks; a missing one uses nothing."""
    try:
        device = directory.lstat().st_dev
    except OSError:
        return 0
    total, files = 0, 0
    seen: set[int] = set()  # inodes with several names
    pending = [str(directory)]
    while pending and files < max_files:
        for entry in _entries(pending.pop(), max_files - files):
            files += 1
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:  # removed meanwhile
                continue
            if status.st_dev != device or status.st_ino in seen:
                continue
            if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                seen.add(status.st_ino)
            total += status.st_blocks * _BLOCK_BYTES
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
    return total


def _entries(directory: str, at_most: int) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(islice(entries, at_most))
    except OSError:  # removed meanwhile
        return []


def _quota(path: Path, resources: list[Resource]) -> DiskQuota:
    megabytes = sum(one.scalar.value for one in resources if one.scalar is not None)
    return DiskQuota(path=path, limit_bytes=int(megabytes * _MB), resources=resources)


def _volume(resource: Resource, work_dir: Path) -> Path | None:
    """Where a persistent volume lies, if the resource is one that can be had."""
    if resource.disk is None or resource.disk.persistence is None:
        return None
    try:
        return Path(persistence.path_of(resource, str(work_dir)))
    except VolumeError:
        return None  # no task can have it either
