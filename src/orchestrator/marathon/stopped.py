"""The state of a Marathon that does not run, for whoever backs it up or restores it.

Nobody may lead meanwhile: a data directory is claimed as Marathon claims it, and on an ensemble
this program is elected in its place. So what is read is of one moment, and what is written is
nobody's but ours.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from orchestrator.marathon import whereabouts
from orchestrator.marathon.adapters import backup, upkeep
from orchestrator.marathon.adapters.backup import BackupError
from orchestrator.marathon.core.upkeep import KEY
from orchestrator.runtime import datadir
from orchestrator.runtime.clock import SystemClock
from orchestrator.runtime.store import SqliteStore, Store, StoreError
from orchestrator.zookeeper import group
from orchestrator.zookeeper.candidate import Place
from orchestrator.zookeeper.election import elected
from orchestrator.zookeeper.requests import NoNodeError, ZooKeeperError
from orchestrator.zookeeper.session import Session, connect
from orchestrator.zookeeper.store import ZooKeeperStore

_PATIENCE_S = 20.0
_SESSION_TIMEOUT_S = 10.0
_FILE = "marathon.db"


class BackupConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a backup or of its restoration."""

    file: Annotated[Path, Meta(description="The backup.")]
    data_dir: Annotated[str, Meta(description="Directory of Marathon's state.")] = (
        "/var/lib/orchestrator/marathon"
    )
    zk: Annotated[
        str, Meta(description="Where several Marathons keep their state: zk://host:port,.../path.")
    ] = ""


async def write_backup(config: BackupConfig) -> int:
    """Write the state into a new file; return how many objects it holds.

    Raises BackupError, StoreError, DataDirError, ConfigError.
    """
    if not config.zk and not (Path(config.data_dir) / _FILE).exists():
        raise BackupError(f"there is no state of a Marathon in {config.data_dir}")
    async with _store(config) as store:
        state = {key: value for key, value in (await store.load("")).items() if key != KEY}
        if not state:
            raise BackupError(f"there is no state of a Marathon at {config.zk or config.data_dir}")
        await upkeep.write(config.file, state, SystemClock().now())
    return len(state)


async def restore_backup(config: BackupConfig) -> int:
    """Replace the state by a file's; return how many objects it holds. Raises as ``write_backup``.

    The file is read and checked as a whole before, and the state replaced in one commit.
    """
    state = backup.read(config.file)
    async with _store(config) as store:
        await upkeep.replace(store, state)
    return len(state)


@asynccontextmanager
async def _store(config: BackupConfig) -> AsyncIterator[Store]:
    opened = _on_ensemble(config) if config.zk else _in_directory(config)
    async with opened as store:
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def _in_directory(config: BackupConfig) -> AsyncIterator[Store]:
    with datadir.claim(Path(config.data_dir)) as directory:
        yield SqliteStore.open(directory / _FILE)


@asynccontextmanager
async def _on_ensemble(config: BackupConfig) -> AsyncIterator[Store]:
    ensemble = whereabouts.own_ensemble(config.zk)
    place = whereabouts.place(ensemble, _SESSION_TIMEOUT_S)
    async with connect(ensemble, place.timeout_s) as session:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                store = await _taken_over(session, place)
        except TimeoutError:
            raise StoreError(f"there is no ZooKeeper at {ensemble.connect_string}") from None
        except ZooKeeperError as error:
            raise StoreError(f"cannot use {ensemble}: {error}") from None
        yield store


async def _taken_over(session: Session, place: Place) -> Store:
    await session.connected()
    try:
        candidates = group.members(await session.children(place.election))
    except NoNodeError:
        candidates = []
    if candidates:
        raise StoreError(
            f"{len(candidates)} Marathons run on {place.election}: stop them all, or have them do"
            " it themselves, with DELETE /v2/leader?backup=file:///... (or restore=)"
        )
    mandate = await elected(session, place.election, uuid.uuid4().bytes)
    return await ZooKeeperStore.open(session, place.store, mandate)
