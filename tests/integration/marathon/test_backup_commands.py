"""Backups of a Marathon that does not run, by the functions behind the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import zookeeper

from orchestrator.marathon.adapters.backup import BackupError
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import serve_marathon
from orchestrator.marathon.stopped import BackupConfig, restore_backup, write_backup
from orchestrator.runtime.datadir import DataDirError
from orchestrator.runtime.store import StoreError


@pytest.fixture(scope="module")
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1) as running:
        running.start()
        yield running


async def app_ids(url: str) -> list[str]:
    async with aiohttp.ClientSession(url) as session:
        return [app["id"] for app in (await Api(session).get("/v2/apps"))["apps"]]


async def deploy(url: str, app_id: str) -> None:
    async with aiohttp.ClientSession(url) as session:
        await Api(session).deploy(id=app_id, cmd="x")


async def test_a_restored_marathon_is_as_it_was_at_its_backup(start: Start, tmp_path: Path) -> None:
    config = BackupConfig(file=tmp_path / "backup", data_dir=str(tmp_path))
    async with start() as marathon:
        await deploy(marathon.url, "/a")
    count = await write_backup(config)
    async with start() as marathon:
        await deploy(marathon.url, "/b")

    assert await restore_backup(config) == count

    async with start() as marathon:
        assert await app_ids(marathon.url) == ["/a"]


async def test_a_backup_moves_a_marathon_from_its_directory_to_an_ensemble(
    start: Start, master: HttpMaster, ensemble: zookeeper.Ensemble, tmp_path: Path
) -> None:
    file, uri = tmp_path / "backup", ensemble.uri("/moved")
    async with start() as marathon:
        await deploy(marathon.url, "/a")
    await write_backup(BackupConfig(file=file, data_dir=str(tmp_path)))

    await restore_backup(BackupConfig(file=file, zk=uri))

    async with serve_marathon(MarathonConfig(port=0, master=master.url, zk=uri)) as marathon:
        assert await app_ids(marathon.url) == ["/a"]
        with pytest.raises(StoreError, match="1 Marathons run"):
            await write_backup(BackupConfig(file=tmp_path / "other", zk=uri))
        with pytest.raises(StoreError, match="1 Marathons run"):
            await restore_backup(BackupConfig(file=file, zk=uri))
    assert set(master.mesos.launches.values()) == {1}


async def test_a_marathon_that_runs_keeps_others_out(start: Start, tmp_path: Path) -> None:
    config = BackupConfig(file=tmp_path / "backup", data_dir=str(tmp_path))
    async with start() as marathon:
        assert await app_ids(marathon.url) == []
        with pytest.raises(DataDirError):
            await write_backup(config)


async def test_a_damaged_backup_changes_nothing(start: Start, tmp_path: Path) -> None:
    config = BackupConfig(file=tmp_path / "backup", data_dir=str(tmp_path))
    async with start() as marathon:
        await deploy(marathon.url, "/a")
    await write_backup(config)
    config.file.write_bytes(config.file.read_bytes()[:-20])
    with pytest.raises(BackupError):
        await restore_backup(config)
    async with start() as marathon:
        assert await app_ids(marathon.url) == ["/a"]


async def test_where_no_marathon_was_there_is_nothing_to_back_up(
    ensemble: zookeeper.Ensemble, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    with pytest.raises(BackupError, match="no state"):
        await write_backup(BackupConfig(file=file, data_dir=str(tmp_path / "none")))
    with pytest.raises(BackupError, match="no state"):
        await write_backup(BackupConfig(file=file, zk=ensemble.uri("/none")))
    assert not file.exists()
