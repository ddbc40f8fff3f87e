"""The driver: saves, then sends, then one timer."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.support import eventually

from orchestrator.runtime.clock import ManualClock, SystemClock
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import MemoryStore, StoreError

Effects = Sequence[Save | str]
SAVE = Save("key", b"value")


class Script:
    """A machine whose events are the effects that it answers with."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.woken: list[float] = []
        self.answer_when_woken: Effects = ()

    def handle(self, event: Effects, now: float) -> Effects:
        return event

    def wake_at(self) -> float | None:
        return self.due

    def wake(self, now: float) -> Effects:
        self.woken.append(now)
        self.due = None
        return self.answer_when_woken


class SlowStore(MemoryStore):
    """Commits only when let; records how many saves each commit had."""

    def __init__(self) -> None:
        super().__init__()
        self.may_commit = asyncio.Event()
        self.commits: list[int] = []

    async def commit(self, saves: Sequence[Save]) -> None:
        await self.may_commit.wait()
        self.commits.append(len(saves))
        await super().commit(saves)


class BrokenStore(MemoryStore):
    async def commit(self, saves: Sequence[Save]) -> None:
        raise StoreError("the disk is full")


class Bench:
    """A driver with a script for a machine; ``sent`` is what was performed."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.machine = Script()
        self.store = store or MemoryStore()
        self.sent: list[str] = []
        self.clock = ManualClock(1000.0)
        self.driver: Driver[Effects, str] = Driver(
            self.machine, self.sent.append, self.store, self.clock
        )


async def _until_idle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_effects_without_saves_are_performed_within_dispatch() -> None:
    bench = Bench()
    async with bench.driver:
        bench.driver.dispatch(["a", "b"])
        assert bench.sent == ["a", "b"]


async def test_a_send_after_a_save_waits_until_the_save_is_durable() -> None:
    store = SlowStore()
    bench = Bench(store)
    async with bench.driver:
        bench.driver.dispatch([SAVE, "a"])
        await _until_idle()
        assert bench.sent == []
        store.may_commit.set()
        await bench.driver.flush()
        assert (bench.sent, store.objects) == (["a"], {"key": b"value"})


async def test_a_send_queues_behind_an_earlier_save() -> None:
    store = SlowStore()
    bench = Bench(store)
    async with bench.driver:
        bench.driver.dispatch([SAVE, "first"])
        bench.driver.dispatch(["second"])
        await _until_idle()
        assert bench.sent == []
        store.may_commit.set()
        await bench.driver.flush()
        assert bench.sent == ["first", "second"]


async def test_saves_that_pile_up_during_a_commit_share_the_next_one() -> None:
    store = SlowStore()
    bench = Bench(store)
    async with bench.driver:
        bench.driver.dispatch([SAVE])
        await _until_idle()  # the first commit has begun
        for n in range(10):
            bench.driver.dispatch([Save(str(n), b"")])
        assert bench.driver.queued == 10
        store.may_commit.set()
        await bench.driver.flush()
        assert store.commits == [1, 10]


async def test_what_perform_dispatches_comes_after_the_current_effects() -> None:
    bench = Bench()

    def perform(effect: str) -> None:
        bench.sent.append(effect)
        if effect == "a":
            bench.driver.dispatch(["later"])

    bench.driver = Driver(bench.machine, perform, bench.store, bench.clock)
    async with bench.driver:
        bench.driver.dispatch(["a", "b"])
        await bench.driver.flush()
        assert bench.sent == ["a", "b", "later"]


async def test_an_effect_that_fails_does_not_stop_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()

    def perform(effect: str) -> None:
        if effect == "bad":
            raise ConnectionError("gone")
        bench.sent.append(effect)

    bench.driver = Driver(bench.machine, perform, bench.store, bench.clock)
    async with bench.driver:
        bench.driver.dispatch(["bad", "good"])
    assert bench.sent == ["good"]
    assert "an effect failed" in caplog.text


async def test_a_failed_commit_stops_everything_and_is_told() -> None:
    bench = Bench(BrokenStore())
    async with bench.driver:
        bench.driver.dispatch([SAVE, "a"])
        with pytest.raises(StoreError, match="disk is full"):
            await bench.driver.flush()
        bench.driver.dispatch(["b"])
        assert bench.sent == []
        assert isinstance(bench.driver.failed.exception(), StoreError)


async def test_leaving_commits_and_performs_what_is_queued() -> None:
    bench = Bench()
    async with bench.driver:
        bench.driver.dispatch([SAVE, "a"])
    assert (bench.sent, bench.store.objects) == (["a"], {"key": b"value"})


async def test_events_after_the_end_are_ignored() -> None:
    bench = Bench()
    async with bench.driver:
        pass
    bench.driver.dispatch(["late"])
    await bench.driver.flush()
    assert bench.sent == []


async def test_wakes_the_machine_when_it_asked_to() -> None:
    bench = Bench()
    bench.machine.due = bench.clock.now() + 0.01
    bench.machine.answer_when_woken = ["woken"]
    async with bench.driver:
        await eventually(lambda: bench.sent)
    assert bench.machine.woken == [1000.01]


async def test_keeps_one_timer_and_follows_the_machine_with_it() -> None:
    bench = Bench()
    async with bench.driver:
        bench.machine.due = 2000.0
        bench.driver.dispatch([])
        first = bench.driver._timer
        bench.driver.dispatch([])
        assert bench.driver._timer is first
        bench.machine.due = 1500.0
        bench.driver.dispatch([])
        assert first is not None
        assert first.cancelled()
        bench.machine.due = None
        bench.driver.dispatch([])
        assert bench.driver._timer is None


async def test_a_machine_that_fails_when_woken_stops_the_driver() -> None:
    class Failing(Script):
        def wake(self, now: float) -> Effects:
            raise LookupError("a bug")

    bench = Bench()
    bench.machine = Failing()
    bench.machine.due = 0.0
    bench.driver = Driver(bench.machine, bench.sent.append, bench.store, bench.clock)
    async with asyncio.timeout(60), bench.driver:
        with pytest.raises(LookupError):
            await bench.driver.failed


async def test_what_handle_raises_reaches_the_caller() -> None:
    class Failing(Script):
        def handle(self, event: Effects, now: float) -> Effects:
            raise LookupError("a bug")

    bench = Bench()
    bench.driver = Driver(Failing(), bench.sent.append, bench.store, bench.clock)
    async with bench.driver:
        with pytest.raises(LookupError):
            bench.driver.dispatch([])


def test_the_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)


def test_a_manual_clock_moves_only_forward() -> None:
    clock = ManualClock(5.0)
    clock.advance(2.5)
    assert clock.now() == 7.5
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


async def test_an_abandoned_driver_saves_and_performs_nothing_more() -> None:
    store = SlowStore()
    bench = Bench(store)
    async with bench.driver:
        bench.driver.dispatch([SAVE, "under way"])
        await _until_idle()
        bench.driver.dispatch([SAVE, "queued"])
        bench.driver.abandon(StoreError("deposed"))
        store.may_commit.set()
        bench.driver.dispatch(["late"])

    assert bench.sent == []
    assert store.commits == [1]
    with pytest.raises(StoreError, match="deposed"):
        bench.driver.failed.result()
