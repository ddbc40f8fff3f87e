"""One sync that runs: the engine, its two ensembles, its disk, and those who command it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple, assert_never

import msgspec

from orchestrator.migration.adapters.alerting import Alerts
from orchestrator.migration.adapters.clocks import clocks_fault
from orchestrator.migration.adapters.ensemble import Ensemble
from orchestrator.migration.adapters.lags import Lags, Percentiles
from orchestrator.migration.adapters.opening import Opened
from orchestrator.migration.adapters.spec import SyncSpec
from orchestrator.migration.core.effects import (
    Alert,
    Barrier,
    Conflict,
    ConflictFound,
    Read,
    Reply,
    Send,
    Severity,
    Write,
)
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import Command, Event, Operated, Pause, Verify, Written
from orchestrator.migration.core.progress import Status, eta_s
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.store import SqliteStore, Store

logger = logging.getLogger(__name__)
SHELL = "shell/"
_MOST_QUEUED = 10_000
_LOOK_S = 1.0


class Verified(NamedTuple):
    """When both sides were last read afresh (Unix seconds), and how many paths differed then."""

    at: float
    differing: int


class SyncStatus(msgspec.Struct, frozen=True):
    """The engine's numbers, and what the shell measures; ``eta_s`` of a fill, None if nobody
    knows; ``unwritable`` says why a side takes no writes, empty if it does; ``sources`` says how
    each is followed, and why so."""

    status: Status
    lag: Percentiles
    per_s: float
    eta_s: float | None
    unwritable: tuple[str, str]
    versions: tuple[str, str]
    sources: tuple[str, str]
    verified: Verified | None


class Sync:
    """A running sync."""

    def __init__(
        self,
        spec: SyncSpec,
        engine: Engine,
        store: Store,
        clock: Clock,
    ) -> None:
        self.spec = spec
        self.alerts = Alerts(spec.name, spec.thresholds)
        self.lags = Lags()
        self.engine = engine
        self.driver: Driver[Event, Send] = Driver(engine, self.perform, store, clock)
        self.ensembles: tuple[Ensemble, ...] = ()
        self.is_loaded = asyncio.Event()
        """Set once both sides were read."""
        self._clock = clock
        self._tokens = count(1)
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._per_s = 0.0
        self._verifying = asyncio.Lock()
        self._verified: Verified | None = None

    @property
    def failed(self) -> asyncio.Future[None]:
        """Ends when the sync cannot go on."""
        return self.driver.failed

    def status(self) -> SyncStatus:
        """How it goes."""
        status = self.engine.status(self._clock.now())
        a, b = self.ensembles
        return SyncStatus(
            status,
            self.lags.percentiles(),
            round(self._per_s, 1),
            eta_s(status.fill, self._per_s),
            (a.unwritable, b.unwritable),
            (a.opened.dialect.name, b.opened.dialect.name),
            (a.opened.following.reason, b.opened.following.reason),
            self._verified,
        )

    def conflicts(self) -> list[Conflict]:
        """The conflict log, oldest first."""
        return self.engine.conflicts()

    async def command(self, command: Command) -> Reply:
        """Have the engine do something; the answer comes when it is done."""
        if type(command) is not Verify:
            return await self._command(command)
        async with self._verifying:  # one after the other
            reply = await self._command(command)
            if not reply.refusal and command.path == "/":
                self._verified = Verified(self._clock.now(), len(reply.paths))
            return reply

    async def _command(self, command: Command) -> Reply:
        token = next(self._tokens)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._replies[token] = reply
        try:
            self.driver.dispatch(Operated(token, command))
            return await reply
        finally:
            self._replies.pop(token, None)

    def dispatch(self, event: Event) -> None:
        """Something happened."""
        if type(event) is Written:
            self._measure(event)
        self.driver.dispatch(event)
        if not self.is_loaded.is_set() and all(side.is_live for side in self.engine.state.sides):
            self.is_loaded.set()

    def perform(self, effect: Send) -> None:
        """Do what the engine asks for."""
        match effect:
            case Write():
                self.ensembles[effect.side].write(effect)
            case Read():
                self.ensembles[effect.side].read(effect)
            case Barrier():
                self.ensembles[effect.side].barrier(effect)
            case Alert():
                self.alerts.add(effect, self._clock.now())
            case ConflictFound(conflict):
                what = f"{conflict.path}: {conflict.decision}, {conflict.reason}"
                logger.info("sync %s: conflict at %s", self.spec.name, what)
            case Reply():
                waiting = self._replies.get(effect.token)
                if waiting is not None and not waiting.done():
                    waiting.set_result(effect)
            case _:
                assert_never(effect)

    async def room(self) -> None:
        """Return when the disk keeps up."""
        if self.driver.queued > _MOST_QUEUED:
            await self.driver.flush()

    async def watch(self) -> None:
        """Look at the numbers every second, for good."""
        before = self._written()
        while True:
            for each in self.ensembles:
                following = each.opened.following
                self.alerts.compare_following(each.side, following, self._clock.now())
            await asyncio.sleep(_LOOK_S)
            now = self._written()
            self._per_s = 0.7 * self._per_s + 0.3 * (now - before) / _LOOK_S
            before = now
            self.alerts.compare(self.engine.status(self._clock.now()), self._clock.now())

    async def keep_verifying(self) -> None:
        """Read both sides afresh now and then, for good, and say if they are not the same."""
        while every_s := self.spec.verify_every_s:
            await asyncio.sleep(every_s)
            if self.engine.status(self._clock.now()).state != "live":
                continue
            reply = await self.command(Verify())
            if reply.paths:
                text = (
                    f"a verification found {len(reply.paths)} paths that differ, such as "
                    f"{reply.paths[0]}: verify with repair puts them right"
                )
                self.alerts.tell("unequal", Severity.ERROR, text, self._clock.now())

    def _measure(self, event: Written) -> None:
        flight = self.engine.state.flights.by_number.get(event.batch)
        if flight is not None and flight.since:
            lag_s = max(0.0, self._clock.now() - flight.since)
            self.lags.add(lag_s, len(flight.intents))

    def _written(self) -> int:
        return sum(self.engine.state.totals.written)


@asynccontextmanager
async def running(
    spec: SyncSpec,
    opened: tuple[Opened, Opened],
    path: Path,
    clock: Clock,
    *,
    is_paused: bool = False,
) -> AsyncIterator[Sync]:
    """Run a sync whose state is in a file; paused, if it is only to look. Raises StoreError."""
    async with AsyncExitStack() as stack:
        store = SqliteStore.open(path)
        stack.push_async_callback(store.close)
        saved = await store.load("")
        records = {key: value for key, value in saved.items() if not key.startswith(SHELL)}
        kept = {key: value for key, value in saved.items() if key.startswith(SHELL)}
        engine = Engine(_fitted(spec.settings, opened), records, clock.now())
        sync = Sync(spec, engine, store, clock)
        sync.ensembles = tuple(
            Ensemble(
                side,
                each,
                _roles(spec, side),
                store,
                sync.dispatch,
                sync.room,
            )
            for side, each in zip(SIDES, opened, strict=True)
        )
        await stack.enter_async_context(sync.driver)
        if is_paused:
            sync.driver.dispatch(Operated(0, Pause()))
        for ensemble, position in zip(sync.ensembles, engine.positions(), strict=True):
            stack.push_async_callback(ensemble.close)
            ensemble.start(position, kept)
        for work in (sync.watch(), sync.keep_verifying(), sync.alerts.deliver()):
            stack.push_async_callback(_end, asyncio.create_task(work))
        if fault := clocks_fault(spec.settings, opened[0].clock, opened[1].clock):
            sync.alerts.tell("clocks_apart", Severity.WARNING, fault, clock.now())
        yield sync


def _fitted(settings: Settings, opened: tuple[Opened, Opened]) -> Settings:
    """With multis that both sides read, whatever a multi adds to what is in it."""
    least = min([each.settings.max_packet_bytes for each in opened])
    bound = max(least * 3 // 4, 1_024)
    return msgspec.structs.replace(settings, batch_bytes=min(settings.batch_bytes, bound))


def _roles(spec: SyncSpec, side: Side) -> tuple[Role, ...]:
    has_proxies = spec.settings.ephemerals == "proxy" or bool(spec.settings.elections)
    return (Role.WRITER, Role.PROXY) if has_proxies else (Role.WRITER,)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
