"""Removes images that this agent pulled and nobody uses any more.

Only what the agent itself pulled is ever removed: images that somebody built or loaded on the
machine may exist nowhere else. When each was last used is kept in ``docker/images.json`` of the
work directory; ``core.images`` decides, and the Engine has the last word, as it removes no image
that a container has. Whoever launches meanwhile is safe too: an image that went away is pulled
again.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.wire import ImageSummary
from orchestrator.agent.core import images
from orchestrator.agent.core.images import Disk, Image, Limits
from orchestrator.mesos.types import Message

MAX_RECORDS = 10_000
_JUST_MADE_S = 3600.0
_PRECISION_S = 60.0  # of when an image was used: not every launch is worth a write
logger = logging.getLogger(__name__)


class GarbageSettings(Message):
    """How often to look, and what to reach. ``interval_s`` 0: images are never removed."""

    interval_s: float = 3600.0
    limits: Limits = Limits()


class Collection:
    """The images of one Engine that are this agent's. ``protected`` names those being launched."""

    def __init__(
        self,
        engine: Engine,
        record: Path,
        settings: GarbageSettings,
        protected: Callable[[], Iterable[str]],
    ) -> None:
        self._engine = engine
        self._record = record
        self._settings = settings
        self._protected = protected
        self._used_at = _load(record)

    async def pulled(self, name: str) -> None:
        """The agent has pulled an image: it is the agent's now. Raises EngineError."""
        id_ = await self._engine.image_id(name)
        if len(self._used_at) < MAX_RECORDS:
            self._used_at[id_] = time.time()
            self._save()

    def used(self, id_: str) -> None:
        """A container is made of an image, or has just gone."""
        now = time.time()
        if id_ in self._used_at and now - self._used_at[id_] > _PRECISION_S:
            self._used_at[id_] = now
            self._save()

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while self._settings.interval_s > 0:
            await asyncio.sleep(self._settings.interval_s)
            try:
                await self.collect(time.time())
            except EngineError as error:
                logger.info("images are not looked at: %s", error)

    async def prune(self, excluded: Iterable[str]) -> list[str]:
        """Remove all that is not in use or excluded; the names that went. Raises EngineError."""
        stay = (*self._settings.limits.excluded, *excluded)
        limits = Limits(headroom=0.0, min_age_s=0.0, max_age_s=0.0, excluded=stay)
        return await self.collect(time.time(), limits)

    async def collect(self, now: float, limits: Limits | None = None) -> list[str]:
        """Remove what may and should go; the names that went. Raises EngineError."""
        there = await self._engine.images()
        self._forget_those_gone(there)
        own = [self._as_image(one) for one in there if one.id in self._used_at]
        in_use = {one.image_id for one in await self._engine.containers()} | set(self._protected())
        disk = await self._disk()
        removed: list[str] = []
        for image in images.plan(own, in_use, disk, limits or self._settings.limits, now):
            if set(self._protected()).isdisjoint(image.names):  # one may be wanted by now
                removed += await self._remove(image)
        return removed

    async def _remove(self, image: Image) -> list[str]:
        gone = []
        for name in image.names or (image.id,):
            try:
                await self._engine.remove_image(name)
                gone.append(name)
            except EngineError as error:
                if error.is_absence:
                    raise
                logger.info("the image %s stays: %s", name, error)
        if gone:
            logger.info("removed the image %s, %d bytes", ", ".join(gone), image.size_bytes)
        return gone

    def _as_image(self, one: ImageSummary) -> Image:
        used_at = self._used_at[one.id]
        return Image(id=one.id, size_bytes=one.size, used_at=used_at, names=one.names)

    def _forget_those_gone(self, there: list[ImageSummary]) -> None:
        """Not at once: an image may have been pulled since the Engine was asked."""
        ids, long_ago = {one.id for one in there}, time.time() - _JUST_MADE_S
        kept = {i: at for i, at in self._used_at.items() if i in ids or at > long_ago}
        if kept != self._used_at:
            self._used_at = kept
            self._save()

    async def _disk(self) -> Disk:
        root = Path((await self._engine.info()).docker_root_dir)
        return await asyncio.to_thread(_disk_of, root, self._record.parent)

    def _save(self) -> None:
        """Losing this loses nothing but the right to remove an image."""
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._record.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(self._used_at))
            fresh.replace(self._record)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._record, error)


def _disk_of(root: Path, otherwise: Path) -> Disk:
    usage = shutil.disk_usage(root if root.is_dir() else otherwise)
    return Disk(total_bytes=usage.total, free_bytes=usage.free)


def _load(record: Path) -> dict[str, float]:
    try:
        return msgspec.json.decode(record.read_bytes(), type=dict[str, float])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("%s is not used, images pulled before now stay: %s", record, error)
        return {}
