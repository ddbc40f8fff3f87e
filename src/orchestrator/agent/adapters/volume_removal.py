"""Deletes the data of persistent volumes that were destroyed.

A volume is first put out of the way, which takes no time: renamed within its disk, so that one of
the same name begins empty. A thread then deletes what is there, and at the start what an earlier
agent left. A disk of type MOUNT is its volume; what lies on it is moved to a directory of its own.
Nothing is touched outside the disks of this agent, nothing at or below which something is mounted,
and links are not followed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from orchestrator.agent.adapters import mounted, persistence, trees
from orchestrator.agent.adapters.persistence import VolumeError
from orchestrator.agent.core.messages import RemoveVolumes
from orchestrator.mesos.types import Resource

_ASIDE = re.compile(r"\.destroyed-[0-9a-f]{16}")
logger = logging.getLogger(__name__)


class VolumeRemoval:
    """Works on the disks that an agent announces (``disks``), and on its work directory."""

    def __init__(self, work_dir: Path, disks: Iterable[Resource]) -> None:
        self._work_dir = str(work_dir)
        self._homes = {Path(home) for home in persistence.homes(disks, self._work_dir)}
        self._has_work = asyncio.Event()

    def begin(self, order: RemoveVolumes) -> None:
        """Put volumes out of the way, and have them deleted. What cannot be done is logged."""
        for volume in order.spared:
            logger.warning("the volume %s is in use and stays", self._described(volume))
        for volume in order.volumes:
            try:
                self._put_aside(volume)
            except (OSError, VolumeError) as error:
                path = self._described(volume)
                logger.warning("the destroyed volume %s cannot be removed: %s", path, error)
        self._has_work.set()

    async def run(self) -> None:
        """Delete what was put aside, until cancelled."""
        while True:
            self._has_work.clear()
            await asyncio.to_thread(self.sweep)
            await self._has_work.wait()

    def sweep(self) -> None:
        """Delete all that was put aside, by this agent or an earlier one."""
        for home in sorted(self._homes):
            for path in _put_aside_in(home):
                _delete(path)

    def _put_aside(self, volume: Resource) -> None:
        path = Path(persistence.path_of(volume, self._work_dir))
        home = Path(persistence.home_of(volume, self._work_dir))
        if home not in self._homes:
            raise VolumeError("it is on no disk that this agent has")
        try:
            found = path.lstat()
        except FileNotFoundError:
            return  # nothing ever used it
        if not stat.S_ISDIR(found.st_mode):
            raise VolumeError("it is not a directory")
        aside = home / f".destroyed-{secrets.token_hex(8)}"
        if path == home:
            _empty(path, aside)
        elif place := mounted.below(path):
            raise VolumeError(f"{place} is mounted there")
        else:
            path.rename(aside)
        logger.info("the volume %s was destroyed", path)

    def _described(self, volume: Resource) -> str:
        try:
            return persistence.path_of(volume, self._work_dir)
        except VolumeError as error:
            return f"({error})"


def _empty(disk: Path, aside: Path) -> None:
    """Move all that lies on a disk into a directory of it. Raises OSError, VolumeError."""
    if place := next((p for p in mounted.places() if disk in p.parents), None):
        raise VolumeError(f"{place} is mounted there")
    aside.mkdir(mode=0o700)
    for path in list(disk.iterdir()):
        if not _ASIDE.fullmatch(path.name):
            path.rename(aside / path.name)


def _put_aside_in(home: Path) -> list[Path]:
    try:
        with os.scandir(home) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if _ASIDE.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        logger.warning("%s cannot be looked through for destroyed volumes: %s", home, error)
        return []


def _delete(path: Path) -> None:
    try:
        if place := mounted.below(path):
            raise VolumeError(f"{place} is mounted there")
        trees.remove(path)
    except (OSError, VolumeError) as error:
        logger.warning("%s, of a destroyed volume, cannot be removed: %s", path, error)
