"""Runs a machine on asyncio: save, then send, then arm the timer.

``dispatch`` is synchronous, so events are handled one at a time and in order, with no lock. What
they ask for goes into one queue, which a writer task works off in batches: all saves of a batch in
one commit, then its sends in order. While the disk is busy the next batch collects, so load makes
batches larger instead of making callers wait. Effects without a save, with nothing queued before
them, need no disk and are performed within ``dispatch``.

A failed commit is fatal. The machine already believes in state that is not on disk, so nothing more
is performed and ``failed`` tells the server to end; the next start continues from what is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from orchestrator.runtime.clock import Clock
from orchestrator.runtime.machine import Machine, Save
from orchestrator.runtime.store import Store

Event = TypeVar("Event")
Effect = TypeVar("Effect")
logger = logging.getLogger(__name__)


class _Barrier:
    """Queued behind effects to learn when they have been performed."""

    def __init__(self, passed: asyncio.Future[None]) -> None:
        self.passed = passed


class Driver(Generic[Event, Effect]):
    """Carries out what a machine asks for, between ``async with driver`` and its end.

    ``perform(effect)`` must not block and does one send; an exception from it is logged and the
    next effect performed. It may call ``dispatch``: the new effects queue behind the current ones.
    Leaving the context commits and performs what is still queued; later events are ignored.
    """

    def __init__(
        self,
        machine: Machine[Event, Effect],
        perform: Callable[[Effect], None],
        store: Store,
        clock: Clock,
    ) -> None:
        self._machine = machine
        self._perform = perform
        self._store = store
        self._clock = clock
        self._queue: list[Save | Effect | _Barrier] = []
        self._is_busy = False  # a batch is being committed or performed
        self._is_running = False
        self._has_work = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None

    failed: asyncio.Future[None]
    """Ends with the StoreError once a commit has failed (or with what ``wake`` raised)."""

    @property
    def queued(self) -> int:
        """How many effects wait for the disk; a server refuses new work when it grows too long."""
        return len(self._queue)

    def dispatch(self, event: Event) -> None:
        """Let the machine handle an event, now. What the machine raises, the caller gets."""
        if self._is_running:
            self._accept(self._machine.handle(event, self._clock.now()))

    async def flush(self) -> None:
        """Return when everything dispatched so far is durable and performed, or the driver ended.

        Raises what ``failed`` holds when that was a failure.
        """
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Barrier(passed))
        self._has_work.set()
        ends = (passed, self.failed, self._writer)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not passed.done() and self.failed.done():
            self.failed.result()

    def abandon(self, reason: Exception) -> None:
        """Stop at once: what is queued is neither saved nor performed, ``failed`` ends with why.

        For a server that has lost the right to go on, while its disk or its clients have not.
        """
        self._fail(reason)

    async def __aenter__(self) -> Driver[Event, Effect]:
        self.failed = asyncio.get_running_loop().create_future()
        self._is_running = True
        self._writer = asyncio.create_task(self._write(), name="driver")
        self._arm()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_running = False
        self._disarm()
        self._has_work.set()
        await self._writer

    def _accept(self, effects: Sequence[Save | Effect]) -> None:
        if effects:
            can_perform_now = not self._is_busy and not self._queue and not _saves(effects)
            self._queue.extend(effects)
            if can_perform_now:
                self._perform_all(self._take())
            if self._queue:
                self._has_work.set()
        self._arm()

    async def _write(self) -> None:
        try:
            while self._is_running or self._queue:
                await self._has_work.wait()
                self._has_work.clear()
                while self._queue:
                    await self._work_off(self._take())
        except Exception as error:
            self._fail(error)

    async def _work_off(self, batch: Sequence[Save | Effect | _Barrier]) -> None:
        self._is_busy = True
        if saves := _saves(batch):
            await self._store.commit(saves)
        if not self.failed.done():  # abandoned meanwhile
            self._perform_all(batch)

    def _take(self) -> Sequence[Save | Effect | _Barrier]:
        batch, self._queue = self._queue, []
        return batch

    def _perform_all(self, batch: Iterable[Save | Effect | _Barrier]) -> None:
        self._is_busy = True
        for effect in batch:
            if isinstance(effect, Save):
                continue
            if isinstance(effect, _Barrier):
                _pass(effect)
                continue
            try:
                self._perform(effect)
            except Exception:
                logger.exception("an effect failed: %s", type(effect).__name__)
        self._is_busy = False

    def _fail(self, error: Exception) -> None:
        logger.critical("stopped: %s", error)
        self._is_running = False
        self._disarm()
        self._queue.clear()
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # logged above; no second report if nobody waits for it

    def _arm(self) -> None:
        due = self._machine.wake_at() if self._is_running else None
        if due == self._due:
            return
        self._disarm()
        if due is not None:
            self._due = due
            delay_s = max(0.0, due - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake, due)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._due = None

    def _wake(self, due: float) -> None:
        self._timer = self._due = None
        try:
            # A timer may fire a fraction early; the machine must find that its moment has come.
            self._accept(self._machine.wake(max(due, self._clock.now())))
        except Exception as error:
            logger.exception("the state machine failed")
            self._fail(error)


def _saves(effects: Iterable[object]) -> list[Save]:
    return [effect for effect in effects if isinstance(effect, Save)]


def _pass(barrier: _Barrier) -> None:
    if not barrier.passed.done():  # its waiter was cancelled
        barrier.passed.set_result(None)
