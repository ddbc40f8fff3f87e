"""A server of the simulation: a core, its disk, and the rule of ``runtime.driver`` between them.

``Process`` does in virtual time what the driver does on asyncio: an event is handled at once, its
effects queue, all saves of a batch are committed together, and only then its sends are performed,
in order. A commit takes time, and a crash in the middle of it leaves either all of it on the disk
or nothing. What was queued behind it is gone, as is everything the core had in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from orchestrator.runtime.machine import Machine, Save
from orchestrator.simulator.kernel import Action, Appointment, Kernel

Event = TypeVar("Event")
Effect = TypeVar("Effect")

COMMIT_S = (0.0005, 0.005)  # least and most, on a disk that is not slow
AFTERMATH_S = 0.2  # how long after a commit what it led to is still under way


class Disk:
    """What of a server survives its crash; ``slowness`` stretches every commit."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.slowness = 1.0

    def apply(self, saves: Sequence[Save]) -> None:
        """Take in one commit."""
        for save in saves:
            if save.value is None:
                self.objects.pop(save.key, None)
            else:
                self.objects[save.key] = save.value


class Process(Generic[Event, Effect]):
    """Runs a machine until ``crash``; ``look`` is called after every turn of the machine."""

    def __init__(
        self,
        kernel: Kernel,
        machine: Machine[Event, Effect],
        disk: Disk,
        perform: Callable[[Effect], None],
        look: Callable[[], None],
    ) -> None:
        self.machine = machine
        self._kernel = kernel
        self._disk = disk
        self._perform = perform
        self._look = look
        self._queue: list[Save | Effect] = []
        self._batch: Sequence[Save | Effect] = ()  # on its way to the disk
        self._is_busy = False
        self._is_up = True
        self._ambush: Action | None = None
        self._timer: Appointment | None = None
        self._due: float | None = None
        self._arm()

    def dispatch(self, event: Event) -> None:
        """Let the machine handle an event, now; after a crash, nothing."""
        if self._is_up:
            self.accept(self.machine.handle(event, self._kernel.now))

    def accept(self, effects: Sequence[Save | Effect]) -> None:
        """Carry out what the machine asks for."""
        self._look()
        self._queue.extend(effects)
        if not self._is_busy:
            self._work_off()
        self._arm()

    def crash(self) -> None:
        """End at once: of the commit under way, all is durable or nothing."""
        if self._saves and self._kernel.chance(0.5):
            self._disk.apply(self._saves)
        self._is_up = False
        self._queue.clear()
        self._batch = ()
        if self._timer is not None:
            self._timer.cancel()

    def ambush(self, strike: Action) -> None:
        """Have ``strike`` happen during the next commit, or right after it."""
        self._ambush = strike

    @property
    def waiting(self) -> list[Save | Effect]:
        """What the machine has asked for and is not done yet."""
        return [*self._batch, *self._queue]

    @property
    def _saves(self) -> list[Save]:
        return [effect for effect in self._batch if isinstance(effect, Save)]

    def _work_off(self) -> None:
        """Perform what needs no disk; stop where a commit has to be waited for."""
        self._is_busy = True
        while self._queue and self._is_up:
            self._batch, self._queue = self._queue, []
            if self._saves:
                delay_s = self._kernel.between(*COMMIT_S) * self._disk.slowness
                self._kernel.after(delay_s, self._committed)
                self._spring(delay_s)
                return
            self._perform_batch()
        self._is_busy = False

    def _spring(self, commit_s: float) -> None:
        strike, self._ambush = self._ambush, None
        if strike is not None:
            later_s = AFTERMATH_S if self._kernel.chance(0.5) else 0.0
            self._kernel.after(self._kernel.between(0.0, commit_s + later_s), strike)

    def _committed(self) -> None:
        if self._is_up:
            self._disk.apply(self._saves)
            self._perform_batch()
            self._work_off()

    def _perform_batch(self) -> None:
        batch, self._batch = self._batch, ()
        for effect in batch:
            if not isinstance(effect, Save) and self._is_up:
                self._perform(effect)

    def _arm(self) -> None:
        due = self.machine.wake_at() if self._is_up else None
        if due == self._due and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, due
        if due is not None:
            self._timer = self._kernel.at(due, self._wake)

    def _wake(self) -> None:
        self._timer = self._due = None
        if self._is_up:
            self.accept(self.machine.wake(self._kernel.now))
