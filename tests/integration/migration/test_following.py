"""A whole sync of real servers: by the stream, by watches, and from the one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from kazoo.security import make_acl
from tests.integration.migration.conftest import (
    LINES,
    Pair,
    at_rest,
    sides,
    spec_of,
    syncing,
)
from tests.integration.migration.streams import client_of, heard, quorum_pair, streaming
from tests.support import eventually, free_port, zookeeper
from tests.support.relay import Relay

from orchestrator.migration.adapters import ensemble
from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError, SyncSpec
from orchestrator.migration.adapters.sync import Sync
from orchestrator.migration.core.content import CONTAINER
from orchestrator.migration.core.effects import Problem
from orchestrator.migration.core.events import Verify
from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.jute.records import OPEN, lifetime
from orchestrator.zookeeper.jute.requests import (
    Create,
    CreateContainer,
    CreateTtl,
    SetAcl,
    SetData,
)


@pytest.fixture(scope="module")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """As the package's, with quorum ports."""
    with quorum_pair() as found:
        yield found


async def test_both_sides_are_streamed_and_what_watches_miss_is_copied(
    pair: Pair, tmp_path: Path
) -> None:
    async with (
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
        syncing(spec_of(pair), tmp_path) as sync,
    ):
        await at_rest(sync)
        assert all("transaction stream" in source for source in sync.status().sources)
        await a.create("/of-a", b"1")
        await b.create("/of-b", b"2")
        await a.call(CreateTtl("/ttl", 600_000, b"t"))
        await b.call(CreateContainer("/box"))
        await at_rest(sync)
        await pair.a.do("set_acls", "/of-b", [make_acl("world", "anyone", all=True)])
        await b.call(SetAcl("/of-a", OPEN))
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/of-a", "/of-b", "/ttl", "/box"}
        async with streaming(a) as seen_a, streaming(b) as seen_b:
            for copy in (seen_a, seen_b):
                assert lifetime(copy.nodes["/ttl"].owner).ttl_ms == 600_000
                assert lifetime(copy.nodes["/box"].owner).container
        assert (await sync.command(Verify())).paths == ()


async def test_a_transaction_of_another_client_arrives_as_one(pair: Pair, tmp_path: Path) -> None:
    async with (
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
        syncing(spec_of(pair), tmp_path) as sync,
    ):
        await at_rest(sync)
        paths = [f"/n{number}" for number in range(10)]
        async with streaming(b) as copy:
            await a.multi([Create(path, b"0") for path in paths])
            for number in range(1, 30):
                await a.multi([SetData(path, b"%d" % number) for path in paths])
            await pair.are_equal()  # the sync may not have heard of the last one yet
            await heard(copy, b)
            whole = [t for t in copy.transactions if any(s.path in paths for s in t.steps)]
            assert whole
            assert all({s.path for s in t.steps} >= set(paths) for t in whole)
            assert [copy.nodes[path].data for path in paths] == [b"29"] * 10


async def test_a_transaction_that_is_too_large_for_a_multi_is_split_and_that_is_said(
    pair: Pair, tmp_path: Path
) -> None:
    paths = [f"/n{number:02}" for number in range(30)]
    async with (
        client_of(pair.a.ensemble, pair.a.root) as a,
        syncing(spec_of(pair, batch_ops=8), tmp_path) as sync,
    ):
        await at_rest(sync)
        await a.multi([Create(path, b"1") for path in paths])
        await eventually(lambda: pair.b.do("exists", paths[-1]))
        await at_rest(sync)
        assert set(await pair.are_equal()) == set(paths)
        assert (sync.alerts.counts[Problem.SPLIT], sync.status().status.splits) == (1, 1)


async def test_the_next_process_goes_on_by_the_stream(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair, checkpoint_s=0.01), tmp_path) as sync:
        for path in ("/n", "/gone", "/x"):  # until its position is on disk, behind the snapshot
            await pair.a.do("create", path, b"0")
            await pair.are_equal()
            await at_rest(sync)
    await pair.a.do("set", "/n", b"1")
    await pair.a.do("delete", "/gone")
    await pair.b.do("create", "/m", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/n", "/m", "/x"}
        assert sync.status().status.a.snapshot_seen == 0
        assert sync.conflicts() == []


async def test_a_sync_that_watched_reads_all_before_it_streams(pair: Pair, tmp_path: Path) -> None:
    async with client_of(pair.a.ensemble, pair.a.root) as a:
        await a.call(CreateTtl("/ttl", 600_000, b"t"))
        spec = spec_of(pair)
        async with syncing(_followed(spec, "watch"), tmp_path) as sync:
            await at_rest(sync)
            assert sync.status().sources == ("watches, as was asked for",) * 2
        async with syncing(_followed(spec, "stream"), tmp_path) as sync:
            await at_rest(sync)
            assert sync.status().status.a.snapshot_seen > 0
            assert (await sync.command(Verify())).paths == ()


def _followed(spec: SyncSpec, source: Literal["auto", "stream", "watch"]) -> SyncSpec:
    a, b = (msgspec.structs.replace(each, source=source) for each in (spec.a, spec.b))
    return msgspec.structs.replace(spec, a=a, b=b)


async def test_where_the_quorum_port_is_closed_it_watches_and_says_why(
    pair: Pair, tmp_path: Path
) -> None:
    spec = spec_of(pair)
    closed = msgspec.structs.replace(spec.b, quorum=(f"127.0.0.1:{free_port()}",))
    async with syncing(msgspec.structs.replace(spec, b=closed), tmp_path) as sync:
        await pair.a.do("create", "/n", b"1")
        await pair.are_equal()
        await at_rest(sync)
        a, b = sync.status().sources
        assert "transaction stream" in a
        assert b.startswith("watches: no leader answers on its quorum port")
    must = msgspec.structs.replace(closed, source="stream")
    with pytest.raises(SpecError, match="B has no transaction stream: no leader answers"):
        await look_at(msgspec.structs.replace(spec, b=must))


async def test_a_stream_that_is_closed_for_good_is_left_for_watches_until_it_is_open_again(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "_LOOK_S", 0.5)
    monkeypatch.setattr(ensemble, "_STREAM_AGAIN_S", 0.5)
    relay = Relay()
    async with (
        relay.serving() as url,
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
    ):
        relay.target = pair.a.ensemble.nodes[0].quorum_port
        spec = spec_of(pair)
        through = msgspec.structs.replace(spec.a, quorum=(url.removeprefix("http://"),))
        async with syncing(msgspec.structs.replace(spec, a=through), tmp_path) as sync:

            async def followed_by(word: str) -> None:
                await eventually(lambda: word in sync.status().sources[0])

            await followed_by("the transaction stream")
            await a.call(CreateContainer("/box", b"1"))
            await a.create("/n", b"1")
            await at_rest(sync)
            relay.cut()
            await a.set_data("/n", b"2")
            await b.create("/m", b"1")
            await followed_by("watches: no leader answers")
            await eventually(lambda: _is_said(sync, "A is followed by watches: no leader"))
            await a.create("/k", b"1")
            await a.delete("/n")
            await eventually(lambda: _has(b, "/k"))
            await at_rest(sync)
            assert set(await pair.are_equal()) == {"/box", "/m", "/k"}
            relay.target = pair.a.ensemble.nodes[0].quorum_port
            await followed_by("the transaction stream")
            await a.multi([Create("/t", b"1"), Create("/t/u", b"1")])
            await eventually(lambda: _has(b, "/t/u"))
            await at_rest(sync)
            assert set(await pair.are_equal()) == {"/box", "/m", "/k", "/t", "/t/u"}
            assert sync.conflicts() == []
            assert (await sync.command(Verify())).paths == ()
            box = sync.engine.state.tree.look("/box")
            assert box.is_settled
            assert box.base is not None
            assert box.base.kind == CONTAINER


def _is_said(sync: Sync, text: str) -> bool:
    return any(
        alert.problem == "followed_otherwise" and alert.text.startswith(text)
        for alert in sync.alerts.latest()
    )


async def _has(client: Client, path: str) -> bool:
    return await client.exists(path) is not None


async def test_a_server_that_stands_alone_is_watched(tmp_path: Path) -> None:
    with (
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(1, lines=LINES, quorum=True) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair, syncing(spec_of(pair), tmp_path) as sync:
            assert "stands alone" in sync.status().sources[0]
            await at_rest(sync)
            await pair.a.do("create", "/n", b"1")
            await pair.b.do("create", "/m", b"1")
            await eventually(lambda: pair.a.do("exists", "/m"))
            assert set(await pair.are_equal()) == {"/n", "/m"}


async def test_what_a_leader_remembers_no_more_is_read_anew_while_both_sides_are_written(
    tmp_path: Path,
) -> None:
    few = (
        "zookeeper.snapCount=20",
        "zookeeper.commitLogCount=500",
        "zookeeper.snapshotSizeFactor=-1",
    )
    with (
        zookeeper.ensemble(1, lines=LINES, properties=few, quorum=True) as a_side,
        zookeeper.ensemble(1, lines=LINES, properties=few, quorum=True) as b_side,
    ):
        a_side.start()
        b_side.start()
        async with (
            sides(a_side, b_side) as pair,
            client_of(a_side, pair.a.root) as a,
            client_of(b_side, pair.b.root) as b,
        ):
            async with syncing(spec_of(pair, checkpoint_s=0.01), tmp_path) as sync:
                await asyncio.gather(*[a.create(f"/n{number}", b"0") for number in range(300)])
                await pair.are_equal()
                await at_rest(sync)
            await forget(a)
            await forget(b)
            for number in range(100):
                await a.delete(f"/n{number}")
                await b.delete(f"/n{number + 100}")
                await a.set_data(f"/n{number + 200}", b"of A")
            stop = asyncio.Event()
            writers = [asyncio.create_task(keep_writing(each, stop)) for each in (a, b)]
            async with syncing(spec_of(pair), tmp_path) as sync:
                await sync.is_loaded.wait()
                await asyncio.sleep(1.0)
                stop.set()
                counts = await asyncio.gather(*writers)
                await at_rest(sync)
                found = await pair.are_equal()
                status = sync.status().status
                assert min(status.a.snapshot_seen, status.b.snapshot_seen) > 0
                assert {path for path in found if path.startswith("/n")} == {
                    f"/n{number}" for number in range(200, 300)
                }
                assert all(found[f"/n{number}"].data == b"of A" for number in range(200, 300))
                for client, count in zip((a, b), counts, strict=True):
                    assert found[f"/load-{client.session.id}"].data == b"%d" % count
                assert sync.conflicts() == []


async def forget(client: Client) -> None:
    """So many transactions that the leader does not remember what was before."""
    await client.create("/much", b"")
    await asyncio.gather(*[client.set_data("/much", b"%d" % number) for number in range(700)])
    await client.delete("/much")


async def keep_writing(client: Client, until: asyncio.Event) -> int:
    path, count = f"/load-{client.session.id}", 0
    await client.create(path, b"0")
    while not until.is_set():
        count += 1
        await client.set_data(path, b"%d" % count)
    return count
