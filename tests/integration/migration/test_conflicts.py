"""Changes on both sides at once: settled by policy, logged with both values, or held."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.integration.migration.conftest import LINES, Pair, at_rest, sides, spec_of, syncing
from tests.support import eventually, zookeeper

from orchestrator.migration.adapters.sync import Sync
from orchestrator.migration.core.events import Pause, Resolve, Resume
from orchestrator.migration.core.sides import Side


async def both_change(pair: Pair, sync: Sync) -> None:
    """Each side writes without the other's knowledge; A last."""
    await at_rest(sync)
    await sync.command(Pause())
    await pair.b.do("set", "/n", b"of B")
    await pair.a.do("set", "/n", b"of A")
    await eventually(
        lambda: sync.engine.preview(1) == ["/n differs on both sides and is a conflict"]
    )
    await sync.command(Resume())


async def value(pair: Pair, path: str) -> bytes | None:
    """What both have."""
    found = (await pair.are_equal()).get(path)
    return found.data if found else None


@pytest.mark.parametrize(
    ("settings", "winner"),
    [
        ({"policy": "source"}, b"of A"),
        ({"policy": "target"}, b"of B"),
        ({"policy": "source", "fill": "B->A"}, b"of B"),
        ({"policy": "lww", "skew_ms": 0}, b"of A"),
        ({"policy": "lww", "skew_ms": 600_000, "priority": "B"}, b"of B"),
        ({"policy": "lww", "skew_ms": 0, "offset_ms": 600_000}, b"of A"),
        ({"policy": "lww", "skew_ms": 0, "offset_ms": -600_000}, b"of B"),
    ],
)
async def test_a_policy_decides_between_two_values(
    pair: Pair, tmp_path: Path, settings: dict[str, Any], winner: bytes
) -> None:
    fills = pair.b if settings.get("fill") == "B->A" else pair.a
    await fills.do("create", "/n", b"0")
    async with syncing(spec_of(pair, **settings), tmp_path) as sync:
        await both_change(pair, sync)
        assert await value(pair, "/n") == winner
        (conflict,) = sync.conflicts()
        assert (conflict.path, conflict.kind) == ("/n", "update")
        assert (conflict.a.data, conflict.b.data) == (b"of A", b"of B")
        assert conflict.decision == winner.decode().removeprefix("of ")


@pytest.mark.parametrize(
    ("resolve", "expected"),
    [
        (Resolve("/n", winner=Side.A), b"of A"),
        (Resolve("/n", winner=Side.B), b"of B"),
        (Resolve("/n", data=b"of a person"), b"of a person"),
    ],
)
async def test_a_held_conflict_waits_for_a_person(
    pair: Pair, tmp_path: Path, resolve: Resolve, expected: bytes
) -> None:
    await pair.a.do("create", "/n", b"0")
    async with syncing(spec_of(pair, policy="hold"), tmp_path) as sync:
        await both_change(pair, sync)
        await eventually(lambda: sync.status().status.held == 1)
        await pair.a.do("create", "/other", b"1")
        await eventually(lambda: pair.b.do("exists", "/other"))
        assert await pair.b.value("/n") == b"of B"
    async with syncing(spec_of(pair, policy="hold"), tmp_path) as sync:  # it is remembered
        early = await sync.command(resolve)
        assert early.refusal == "both sides are still being read; decide when the sync is live"
        await eventually(lambda: sync.status().status.state == "live")
        assert sync.status().status.held == 1
        assert (await sync.command(Resolve("/other", winner=Side.A))).refusal
        assert not (await sync.command(resolve)).refusal
        assert await value(pair, "/n") == expected
        await eventually(lambda: sync.status().status.held == 0)


@pytest.mark.parametrize(("deletes", "survives"), [("update_wins", True), ("delete_wins", False)])
async def test_a_delete_against_an_update_is_explicit(
    pair: Pair, tmp_path: Path, deletes: str, survives: bool
) -> None:
    await pair.a.do("create", "/n", b"0")
    async with syncing(spec_of(pair, deletes=deletes), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.a.do("delete", "/n")
        await pair.b.do("set", "/n", b"of B")
        await eventually(lambda: len(sync.engine.preview()) == 1)
        await sync.command(Resume())
        assert await value(pair, "/n") == (b"of B" if survives else None)
        await eventually(lambda: len(sync.conflicts()) == 1)


async def test_the_same_node_made_on_both_sides_is_one(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair, policy="source"), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.b.do("create", "/n", b"of B")
        await pair.a.do("create", "/n", b"of A")
        await pair.a.do("create", "/alike", b"1")
        await pair.b.do("create", "/alike", b"1")
        await eventually(lambda: len(sync.engine.preview()) == 1)
        await sync.command(Resume())
        assert await value(pair, "/n") == b"of A"
        assert await value(pair, "/alike") == b"1"
        assert [conflict.path for conflict in sync.conflicts()] == ["/n"]


async def test_writes_that_cross_do_not_swap_the_sides(pair: Pair, tmp_path: Path) -> None:
    await pair.a.do("create", "/n", b"0")
    async with syncing(spec_of(pair, policy="lww", skew_ms=0), tmp_path) as sync:
        await at_rest(sync)
        for number in range(10):
            await pair.a.do("set", "/n", b"A%d" % number)
            await pair.b.do("set", "/n", b"B%d" % number)
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/n"}  # sides that were swapped would stay so


@pytest.mark.parametrize("ahead_s", [600, -600])
async def test_a_clock_that_is_ten_minutes_off_is_said_and_with_its_offset_the_later_write_wins(
    tmp_path: Path, ahead_s: int
) -> None:
    with (
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(1, lines=LINES, places=[zookeeper.with_clock(ahead_s)]) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair:
            await pair.a.do("create", "/n", b"0")
            async with syncing(spec_of(pair), tmp_path) as sync:
                offset_ms = said_offset_ms(sync)
                assert abs(offset_ms - ahead_s * 1_000) < 500
                await at_rest(sync)
            async with syncing(spec_of(pair, offset_ms=offset_ms, skew_ms=500), tmp_path) as sync:
                assert sync.alerts.counts["clocks_apart"] == 0
                await at_rest(sync)
                await sync.command(Pause())
                await pair.b.do("set", "/n", b"of B")
                await asyncio.sleep(1.0)  # more than the skew
                await pair.a.do("set", "/n", b"of A")
                await eventually(lambda: len(sync.engine.preview()) == 1)
                await sync.command(Resume())
                assert await value(pair, "/n") == b"of A"
                (conflict,) = sync.conflicts()
                rule, ms, rest = conflict.reason.split(" ", 2)
                assert (rule, rest) == ("lww:", "ms later")
                assert 500 < int(ms) < 60_000  # a second, as exactly as the offset is known


def said_offset_ms(sync: Sync) -> int:
    (alert,) = (each for each in sync.alerts.latest() if each.problem == "clocks_apart")
    return int(alert.text.rpartition("offset_ms ")[2])
