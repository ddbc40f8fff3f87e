"""Ensembles of other releases: what each allows is detected and said, and a move between the oldest
and the newest loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl
from tests.integration.migration.conftest import LINES, Side, at_rest, sides, spec_of, syncing
from tests.integration.migration.streams import TYPES, client_of
from tests.support import eventually, zookeeper

from orchestrator.migration.core.events import Verify
from orchestrator.zookeeper.jute.requests import CreateContainer, CreateTtl


@contextmanager
def pair_of(*releases: str) -> Iterator[list[zookeeper.Ensemble]]:
    """Three servers of each release."""
    with ExitStack() as stack:
        found = []
        for release in releases:
            if reason := zookeeper.missing(release):
                pytest.skip(reason)
            ensemble = zookeeper.ensemble(3, lines=LINES, properties=TYPES, release=release)
            found.append(stack.enter_context(ensemble))
        for each in found:
            each.start()
        yield found


async def moves(
    a: zookeeper.Ensemble, b: zookeeper.Ensemble, directory: Path, sources: tuple[str, str]
) -> None:
    """Everything that both releases have, both ways, also over a change of leaders."""
    async with sides(a, b) as pair:
        for number in range(200):
            await pair.a.do("create", f"/d{number % 10}/n{number}", b"0", makepath=True)
        async with syncing(spec_of(pair, ephemerals="proxy"), directory) as sync:
            await at_rest(sync)
            for source, wanted in zip(sync.status().sources, sources, strict=True):
                assert source.startswith(wanted)
            await pair.b.do("set", "/d1/n1", b"of B")
            await pair.a.do("set", "/d2/n2", b"of A")
            await pair.a.do("delete", "/d3/n3")
            await pair.b.do("set_acls", "/d4/n4", [make_acl("world", "anyone", all=True)])
            await pair.a.do("create", "/mine", b"1", ephemeral=True)
            await eventually(lambda: pair.b.do("exists", "/mine"))
            for ensemble in (a, b):
                leader = await asyncio.to_thread(ensemble.leader)
                leader.kill()
                for side in pair:
                    path = f"/{side.ensemble.nodes[0].port}-{leader.port}"
                    await eventually(partial(made, side, path))
                leader.start()
                await asyncio.to_thread(ensemble.wait_until_up)
            await pair.are_equal()
            await at_rest(sync)
            assert (await sync.command(Verify())).paths == ()
            assert sync.conflicts() == []
            found = await pair.are_equal()
            assert (found["/d1/n1"].data, found["/d2/n2"].data) == (b"of B", b"of A")
            assert "/d3/n3" not in found
            assert len(found) == 10 + 199 + 4


async def made(side: Side, path: str) -> bool:
    """Create a node, also if its ensemble has no leader yet."""
    try:
        await side.do("create", path, b"1")
    except NodeExistsError:
        return True
    except (KazooException, KazooTimeoutError):
        return False
    return True


STREAM = "the transaction stream"


async def test_from_this_release_to_the_newest(tmp_path: Path) -> None:
    with pair_of("", "3.9") as (a, b):
        await moves(a, b, tmp_path, (STREAM, STREAM))


async def test_the_newest_keeps_lifetimes_both_ways(tmp_path: Path) -> None:
    with pair_of("3.9", "") as (a, b):
        async with (
            sides(a, b) as pair,
            client_of(a, pair.a.root) as one,
            client_of(b, pair.b.root) as other,
            syncing(spec_of(pair), tmp_path) as sync,
        ):
            await at_rest(sync)
            await one.call(CreateTtl("/ttl", 600_000, b"t"))
            await other.call(CreateContainer("/box"))
            await pair.are_equal()
            await at_rest(sync)
            assert sync.status().versions[0].startswith("3.9")
            assert set(await pair.are_equal()) == {"/ttl", "/box"}


@pytest.mark.soak
async def test_from_the_oldest_release_to_the_newest(tmp_path: Path) -> None:
    with pair_of("3.4", "3.9") as (a, b):
        await moves(a, b, tmp_path, ("watches", STREAM))
