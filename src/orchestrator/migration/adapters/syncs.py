"""All syncs of a server: begun, kept on disk, begun again after a restart, ended.

    <data-dir>/<name>/spec.json     what was asked for, with its passwords: for this user alone
    <data-dir>/<name>/state.db      what the engine saved

A sync whose ensembles cannot be reached is tried again until they can, or it is ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError, SyncSpec
from orchestrator.migration.adapters.sync import Sync, running
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.store import StoreError

logger = logging.getLogger(__name__)
MOST_SYNCS = 100
_RETRY_S = 5.0
_DRY_RUN_S = 600.0


class UnknownSyncError(LookupError):
    """There is no sync of that name."""


class Hosted:
    """A sync of this server; ``current`` while it runs, else ``reason`` says why it does not."""

    def __init__(self, spec: SyncSpec, directory: Path) -> None:
        self.spec = spec
        self.directory = directory
        self.current: Sync | None = None
        self.reason = "it is being opened"
        self.task: asyncio.Task[None] | None = None


class Syncs:
    """All of them, between ``open`` and ``close``."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._hosted: dict[str, Hosted] = {}

    def __iter__(self) -> Iterator[Hosted]:
        return iter(self._hosted.values())

    def open(self) -> None:
        """Begin again what was not ended."""
        for path in sorted(self._directory.glob("*/spec.json")):
            try:
                spec = msgspec.json.decode(path.read_bytes(), type=SyncSpec)
            except (OSError, msgspec.DecodeError) as error:
                logger.error("the sync in %s cannot be read: %s", path, error)
                continue
            self._host(spec)

    async def close(self) -> None:
        """Leave all of them; they go on with the next start."""
        for hosted in self:
            await _cancel(hosted)

    def get(self, name: str) -> Hosted:
        """One by its name. Raises UnknownSyncError."""
        hosted = self._hosted.get(name)
        if hosted is None:
            raise UnknownSyncError(f"there is no sync {name!r}")
        return hosted

    async def start(self, spec: SyncSpec) -> Hosted:
        """Begin a sync, once both ensembles were looked at. Raises SpecError."""
        if spec.name in self._hosted:
            raise SpecError(f"there is a sync {spec.name!r} already; stop it first")
        if len(self._hosted) >= MOST_SYNCS:
            raise SpecError(f"there are {MOST_SYNCS} syncs already")
        await look_at(spec)
        if spec.name in self._hosted:
            raise SpecError(f"there is a sync {spec.name!r} already; stop it first")
        _keep(self._directory / spec.name, spec)
        return self._host(spec)

    async def preview(self, spec: SyncSpec) -> list[str]:
        """What a sync would write at first, a sentence each; nothing is kept of it, on either
        side or here. Raises SpecError."""
        opened = await look_at(spec)
        with tempfile.TemporaryDirectory(prefix="dry-run-", dir=self._directory) as directory:
            path = Path(directory) / "state.db"
            async with running(spec, opened, path, self._clock, is_paused=True) as sync:
                try:
                    async with asyncio.timeout(_DRY_RUN_S):
                        await sync.is_loaded.wait()
                except TimeoutError:
                    raise SpecError("the ensembles were not read in ten minutes") from None
                return sync.engine.preview()

    async def stop(self, name: str) -> None:
        """End a sync and forget it; both ensembles stay as they are."""
        hosted = self.get(name)
        await _cancel(hosted)
        self._hosted.pop(name, None)
        await asyncio.to_thread(shutil.rmtree, hosted.directory, ignore_errors=True)

    def _host(self, spec: SyncSpec) -> Hosted:
        hosted = self._hosted[spec.name] = Hosted(spec, self._directory / spec.name)
        hosted.task = asyncio.get_running_loop().create_task(self._run(hosted))
        return hosted

    async def _run(self, hosted: Hosted) -> None:
        while True:
            try:
                opened = await look_at(hosted.spec)
                path = hosted.directory / "state.db"
                async with running(hosted.spec, opened, path, self._clock) as sync:
                    hosted.current = sync
                    await sync.failed
            except (SpecError, StoreError, OSError) as error:
                hosted.reason = str(error)
                logger.warning("sync %s: %s", hosted.spec.name, error)
            except Exception:
                hosted.reason = "it failed; the log says how"
                logger.exception("sync %s failed", hosted.spec.name)
            finally:
                hosted.current = None
            await asyncio.sleep(_RETRY_S)


def _keep(directory: Path, spec: SyncSpec) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    shutil.rmtree(directory)
    directory.mkdir(mode=0o700)
    part = directory / "spec.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(spec))
        file.flush()
        os.fsync(file.fileno())
    part.replace(directory / "spec.json")


async def _cancel(hosted: Hosted) -> None:
    if hosted.task is not None:
        hosted.task.cancel()
        await asyncio.gather(hosted.task, return_exceptions=True)
