"""Ensembles that are slow, read-only, full or silent: said, waited for, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest
from kazoo.exceptions import KazooException
from tests.integration.migration.conftest import (
    LINES,
    Pair,
    Side,
    at_rest,
    sides,
    spec_of,
    syncing,
)
from tests.integration.migration.streams import client_of
from tests.support import eventually, zookeeper
from tests.support.wire import Wire

from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError, SyncSpec, Thresholds
from orchestrator.migration.adapters.sync import Sync
from orchestrator.migration.core.events import Verify
from orchestrator.zookeeper.jute.requests import SetData
from orchestrator.zookeeper.watching import Watcher


async def test_a_slow_side_is_sent_the_last_values_and_the_lag_is_an_alert(
    pair: Pair, tmp_path: Path
) -> None:
    paths = [f"/n{number}" for number in range(10)]
    async with (
        Wire(pair.b.ensemble.nodes[0].port).serving() as wire,
        client_of(pair.a.ensemble, pair.a.root) as writer,
        syncing(through(wire, spec_of(pair)), tmp_path) as sync,
    ):
        for path in paths:
            await writer.create(path, b"0")
        await at_rest(sync)
        wire.delay_s = 0.1
        for number in range(300):
            await asyncio.gather(*[writer.set_data(path, b"%d" % number) for path in paths])
            await asyncio.sleep(0.01)
        await eventually(lambda: said(sync, "lag_threshold", "the oldest change waits for"))
        await at_rest(sync)
        found = await pair.are_equal()
        assert {node.data for node in found.values()} == {b"299"}
        writes = [(await pair.b.do("exists", path)).version for path in paths]
        assert max(writes) < 150
        assert (await sync.command(Verify())).paths == ()
        assert sync.conflicts() == []


@pytest.fixture
def unlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that watch do not look through all nodes by themselves."""

    async def nothing(_: Watcher) -> None:
        """See above."""

    monkeypatch.setattr(Watcher, "_look_through", nothing)


WRONG = ("/silent-back", "/silent-byte", "/silent-lost")


@asynccontextmanager
async def silently_changed(
    pair: Pair, directory: Path, wire: Wire, verify_every_s: float = 0
) -> AsyncIterator[Sync]:
    """B's events are lost: one byte is another, a deleted node is there again, and one is gone."""
    spec = through(wire, spec_of(pair, policy="source"))
    spec = msgspec.structs.replace(spec, verify_every_s=verify_every_s)
    async with syncing(spec, directory) as sync:
        for name in ("byte", "back", "lost", "same"):
            await pair.a.do("create", f"/silent-{name}", b"1" * 100)
        await pair.are_equal()
        await pair.a.do("delete", "/silent-back")
        await pair.are_equal()
        await at_rest(sync)
        wire.dropped = b"/silent"
        await pair.b.do("set", "/silent-byte", b"1" * 99 + b"2")
        await pair.b.do("create", "/silent-back", b"1" * 100)
        await pair.b.do("delete", "/silent-lost")
        yield sync


async def is_put_right(pair: Pair, sync: Sync) -> None:
    """A has what only B was changed to."""
    found = await pair.are_equal()
    await at_rest(sync)
    assert set(found) == {"/silent-back", "/silent-byte", "/silent-same"}
    assert found["/silent-byte"].data == b"1" * 99 + b"2"
    assert (await sync.command(Verify())).paths == ()


@pytest.mark.usefixtures("unlooked")
async def test_a_verification_finds_what_no_source_told_and_a_repair_puts_it_right(
    pair: Pair, tmp_path: Path
) -> None:
    async with (
        Wire(pair.b.ensemble.nodes[0].port).serving() as wire,
        silently_changed(pair, tmp_path, wire) as sync,
    ):
        await at_rest(sync)  # as far as it knows
        assert (await sync.command(Verify())).paths == WRONG
        wire.dropped = b""
        assert (await sync.command(Verify(repair=True))).paths == WRONG
        await is_put_right(pair, sync)


@pytest.mark.usefixtures("unlooked")
async def test_a_sync_verifies_by_itself_and_says_what_differs(pair: Pair, tmp_path: Path) -> None:
    async with (
        Wire(pair.b.ensemble.nodes[0].port).serving() as wire,
        silently_changed(pair, tmp_path, wire, verify_every_s=0.2) as sync,
    ):
        await eventually(lambda: said(sync, "unequal", "a verification found 3 paths that differ"))
        verified = sync.status().verified
        assert verified is not None
        assert verified.differing == 3
        wire.dropped = b""
        await sync.command(Verify(repair=True))
        await is_put_right(pair, sync)
        await eventually(lambda: found_equal(sync))


def found_equal(sync: Sync) -> bool:
    verified = sync.status().verified
    return verified is not None and verified.differing == 0


async def test_what_no_event_told_is_found_by_looking_through_all_nodes(
    pair: Pair, tmp_path: Path
) -> None:
    async with (
        Wire(pair.b.ensemble.nodes[0].port).serving() as wire,
        silently_changed(pair, tmp_path, wire) as sync,
    ):
        await is_put_right(pair, sync)


def through(wire: Wire, spec: SyncSpec) -> SyncSpec:
    """B by the wire."""
    root = spec.b.address.partition("//")[2].partition("/")[2]
    b = msgspec.structs.replace(spec.b, address=f"zk://127.0.0.1:{wire.port}/{root}")
    return msgspec.structs.replace(spec, b=b, thresholds=Thresholds(lag_s=0.1))


def said(sync: Sync, problem: str, text: str) -> bool:
    return any(
        each.problem == problem and each.text.startswith(text) for each in sync.alerts.latest()
    )


async def test_a_side_without_quorum_that_serves_reads_is_said_to_be_read_only(
    tmp_path: Path,
) -> None:
    with (
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(3, lines=LINES, properties=["readonlymode.enabled=true"]) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair:
            spec = spec_of(pair)
            async with syncing(spec, tmp_path) as sync:
                await pair.a.do("create", "/n", b"0")
                await at_rest(sync)
                for node in b.nodes[:2]:
                    node.kill()
                await eventually(lambda: "it has no quorum" in sync.status().unwritable[1])
                await pair.a.do("set", "/n", b"1")
                await pair.a.do("create", "/m", b"1")
                with pytest.raises(SpecError, match=r"B cannot be reached at .*: "):
                    await look_at(spec)
                for node in b.nodes[:2]:
                    node.start()
                await asyncio.to_thread(b.wait_until_up)
                await eventually(lambda: has(pair.b, "/m", b"1"))
                await at_rest(sync)
                found = await pair.are_equal()
                assert {path: node.data for path, node in found.items()} == {
                    "/n": b"1",
                    "/m": b"1",
                }


async def has(side: Side, path: str, value: bytes) -> bool:
    try:
        return await side.value(path) == value
    except KazooException:
        return False  # our own session may have ended while there was no quorum


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own."""
    directory.mkdir()
    size = f"size={megabytes}m"
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(directory)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted: {error}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def enlarge(directory: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(directory)], check=True)


async def test_a_side_whose_disk_is_full_has_all_once_it_has_room_again(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 8) as disk,
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(
            1, lines=LINES, properties=["zookeeper.preAllocSize=64"], within=disk
        ) as b,
    ):
        a.start()
        b.start()
        async with (
            sides(a, b) as pair,
            client_of(a, pair.a.root) as writer,
            syncing(spec_of(pair), tmp_path) as sync,
        ):
            await writer.create("/n", b"0")
            await at_rest(sync)
            (disk / "ballast").write_bytes(bytes(4 * 2**20))
            for number in range(20):
                await writer.create(f"/n{number:02}", bytes(400_000))
                await writer.call(SetData("/n", b"%d" % number))
            server = b.nodes[0].process
            assert server is not None
            await asyncio.to_thread(server.wait, 60)  # it ends when it cannot log
            await eventually(lambda: sync.status().unwritable[1])
            await eventually(lambda: sync.status().status.state == "waiting")
            (disk / "ballast").unlink()
            await asyncio.to_thread(enlarge, disk, 64)
            b.nodes[0].start()
            await asyncio.to_thread(b.wait_until_up)
            await eventually(lambda: has(pair.b, "/n19", bytes(400_000)))
            await at_rest(sync)
            assert len(await pair.are_equal()) == 21
            assert (await sync.command(Verify())).paths == ()
            assert sync.conflicts() == []
