"""The store on a real ensemble: what is kept, and that a deposed leader keeps nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress

import pytest
from tests.integration.zookeeper.conftest import TIMEOUT_S, Connect
from tests.support import zookeeper

from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import StoreError
from orchestrator.zookeeper.election import Mandate, elected
from orchestrator.zookeeper.fenced import DeposedError
from orchestrator.zookeeper.requests import Change, Operation
from orchestrator.zookeeper.session import Session
from orchestrator.zookeeper.store import MAX_INLINE_BYTES, ZooKeeperStore
from orchestrator.zookeeper.uri import parse


class Leader:
    """A session, its mandate and its store."""

    def __init__(self, session: Session, root: str, mandate: Mandate, store: ZooKeeperStore):
        self.session, self.root, self.mandate, self.store = session, root, mandate, store

    async def parts(self) -> int:
        return len(await self.session.children(f"{self.root}/.parts"))


async def lead(connect: Connect, path: str) -> Leader:
    session = connect()
    mandate = await elected(session, path, os.urandom(8))
    root = f"{path}-registry"
    return Leader(session, root, mandate, await ZooKeeperStore.open(session, root, mandate))


async def test_what_was_committed_is_loaded_by_the_next_leader(connect: Connect, path: str) -> None:
    first = await lead(connect, path)
    await first.store.commit([Save("agents/S1", b"one"), Save("agents/S2", b""), Save("top", b"3")])
    await first.mandate.resign()

    second = await lead(connect, path)

    assert await second.store.load("") == {"agents/S1": b"one", "agents/S2": b"", "top": b"3"}
    assert await second.store.load("agents/") == {"agents/S1": b"one", "agents/S2": b""}


async def test_the_last_of_several_saves_of_a_key_counts(connect: Connect, path: str) -> None:
    store = (await lead(connect, path)).store

    await store.commit([Save("a/1", b"x"), Save("a/2", b"y"), Save("a/1", None)])
    await store.commit([Save("a/2", b"z"), Save("a/never", None)])

    assert await store.load("") == {"a/2": b"z"}


async def test_keys_may_hold_anything(connect: Connect, path: str) -> None:
    store = (await lead(connect, path)).store
    kept = {"agents/../../x": b"1", "agents/.": b"2", "ä/ö/ü": b"3", "a/": b"4", "a/%25 b": b"5"}

    await store.commit([Save(key, value) for key, value in kept.items()])

    assert await store.load("") == kept


async def test_a_batch_over_the_limits_of_a_transaction_is_kept(
    connect: Connect, path: str
) -> None:
    store = (await lead(connect, path)).store
    kept = {f"agents/{n:04}": os.urandom(1000) for n in range(1700)}

    await store.commit([Save(key, value) for key, value in kept.items()])

    assert await store.load("agents/") == kept


class MortalSession(Session):
    """A session whose leader is dead after so many transactions."""

    mandate: Mandate
    transactions_left = 1_000_000

    async def multi(self, operations: Sequence[Operation]) -> None:
        if self.transactions_left == 0:
            await self.mandate.resign()
        self.transactions_left -= 1
        await super().multi(operations)


async def outcome_of_a_crash(
    ensemble: zookeeper.Ensemble, path: str, saves: Sequence[Save], transactions: int
) -> dict[str, bytes]:
    """What the next leader finds when one dies after so many transactions of a commit."""
    address = parse(ensemble.uri(path))
    mortal, other = MortalSession(address, TIMEOUT_S), Session(address, TIMEOUT_S)
    try:
        mortal.mandate = await elected(mortal, path, os.urandom(8))
        store = await ZooKeeperStore.open(mortal, f"{path}-store", mortal.mandate)
        await store.commit(OLD)
        mortal.transactions_left = transactions
        with suppress(DeposedError):
            await store.commit(saves)
        await mortal.mandate.resign()
        mandate = await elected(other, path, os.urandom(8))
        after = await ZooKeeperStore.open(other, f"{path}-store", mandate)
        found = await after.load("")
        assert len(await other.children(f"{path}-store/.batches")) == 0
        return found
    finally:
        await mortal.close()
        await other.close()


OLD = [Save("a/gone", b"old"), Save("a/0001", b"old"), Save("a/large", b"l" * 600_000)]
MANY = [Save("a/gone", None), *(Save(f"a/{n:04}", os.urandom(500)) for n in range(1700))]
LARGE = [Save("a/large", os.urandom(900_000)), Save("a/0001", b"new")]


@pytest.mark.parametrize("saves", [MANY, LARGE], ids=["many objects", "a large object"])
async def test_wherever_a_leader_dies_a_commit_counts_whole_or_not_at_all(
    ensemble: zookeeper.Ensemble, path: str, saves: list[Save]
) -> None:
    before = {save.key: save.value for save in OLD}
    after = {k: v for k, v in (before | {s.key: s.value for s in saves}).items() if v is not None}
    outcomes = [
        await outcome_of_a_crash(ensemble, f"{path}/{n}", saves, transactions=n) for n in range(9)
    ]

    assert outcomes[0] == before
    assert outcomes[-1] == after
    assert all(outcome in (before, after) for outcome in outcomes)


async def test_an_object_of_megabytes_is_kept(connect: Connect, path: str) -> None:
    store = (await lead(connect, path)).store
    large = os.urandom(4_000_000)

    await store.commit([Save("apps/large", large)])

    assert await store.load("") == {"apps/large": large}


async def test_commits_at_once_all_return_when_they_are_kept(connect: Connect, path: str) -> None:
    store = (await lead(connect, path)).store

    await asyncio.gather(*(store.commit([Save(f"a/{n}", b"v")]) for n in range(200)))

    assert len(await store.load("a/")) == 200


async def test_an_object_over_zookeepers_limit_is_kept_in_parts(
    connect: Connect, path: str
) -> None:
    leader = await lead(connect, path)
    large = os.urandom(5 * MAX_INLINE_BYTES + 1)

    await leader.store.commit([Save("schedule", large), Save("small", b"s")])

    assert await leader.store.load("") == {"schedule": large, "small": b"s"}
    assert await leader.parts() == 6


async def test_parts_go_with_the_value_they_make_up(connect: Connect, path: str) -> None:
    leader = await lead(connect, path)
    for value in (os.urandom(2 * MAX_INLINE_BYTES), os.urandom(3 * MAX_INLINE_BYTES), b"small"):
        await leader.store.commit([Save("schedule", value)])

    assert await leader.parts() == 0


async def test_parts_that_a_crash_left_go_when_the_next_leader_loads(
    connect: Connect, path: str
) -> None:
    first = await lead(connect, path)
    await first.store.commit([Save("kept", os.urandom(2 * MAX_INLINE_BYTES))])
    await first.session.ensure(f"{first.root}/.parts/left-0", "private")
    await first.mandate.resign()

    second = await lead(connect, path)
    await second.store.load("")

    assert await second.parts() == 2


async def test_a_leader_whose_znode_is_gone_writes_nothing(connect: Connect, path: str) -> None:
    leader = await lead(connect, path)
    await leader.mandate.resign()

    with pytest.raises(DeposedError):
        await leader.store.commit([Save("a/1", b"late")])

    next_leader = await lead(connect, path)
    assert await next_leader.store.load("") == {}


async def test_a_leader_stays_deposed(connect: Connect, path: str) -> None:
    leader = await lead(connect, path)
    await leader.mandate.resign()

    for _ in range(2):
        with pytest.raises(DeposedError):
            await leader.store.commit([Save("a/1", b"late")])


async def test_a_later_claim_fences_an_earlier_one_with_its_znode_still_there(
    connect: Connect, path: str
) -> None:
    first = await lead(connect, path)
    other = await elected(connect(), f"{path}/elsewhere", b"x")
    await ZooKeeperStore.open(first.session, first.root, other)

    with pytest.raises(DeposedError):
        await first.store.commit([Save("a/1", b"late")])


async def test_a_leader_whose_session_expired_writes_nothing(connect: Connect, path: str) -> None:
    leader = await lead(connect, path)
    await leader.session.close()

    with pytest.raises(StoreError):
        await asyncio.wait_for(leader.store.commit([Save("a/1", b"late")]), 60)


@pytest.mark.parametrize("value", [b"", b"nonsense", b"+nonsense"])
async def test_what_another_program_wrote_is_refused_in_a_sentence(
    connect: Connect, path: str, value: bytes
) -> None:
    leader = await lead(connect, path)
    await leader.store.commit([Save("a/1", b"x")])
    await leader.session.multi([Change(f"{leader.root}/a/1", value)])

    with pytest.raises(StoreError, match="a/1 was not written by this program"):
        await leader.store.load("")
