"""What runs tasks on a simulated machine: a supervisor whose journal outlives the agent.

It behaves as ``agent/adapters/processes.py`` and the supervisor behind it: a launch is prepared in
the agent's process (and forgotten if that dies), then noted before it starts and never done twice;
what has ended is told again at every connection, until the agent lets it be forgotten.

What a task does is in its id: one with ``.batch-`` ends by itself after a while, any other
runs until it is killed, and either may fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from orchestrator.agent.core.book import amounts
from orchestrator.agent.core.checking.probe import (
    Outcome,
    Probe,
    ProbeSkipped,
    Purpose,
    TcpTried,
)
from orchestrator.agent.core.messages import Ended, Event, Observed, Probed, Started
from orchestrator.agent.core.task import Container, Containerizer, Exit
from orchestrator.mesos.resources import Resources
from orchestrator.simulator.kernel import Appointment, Kernel
from orchestrator.simulator.monitor import Monitor, TaskKey, Violation

PREPARE_S, TELL_S, BATCH_S, FAIL_S = (0.001, 0.2), (0.0005, 0.05), (1.0, 20.0), (1.0, 60.0)
PROBE_S = (0.001, 1.0)
FAILED_PROBES = 0.3  # while anything fails at all
Tell = Callable[[Event], None]


class State(Enum):
    """How far a container is."""

    RUNNING = auto()
    ENDED = auto()


@dataclass
class Entry:
    """A container in the journal."""

    container: Container
    resources: Resources
    state: State = State.RUNNING
    exit: Exit | None = None

    @property
    def key(self) -> TaskKey:
        """The task it is of."""
        return self.container.framework_id, self.container.task_id or self.container.executor_id

    @property
    def fact(self) -> Started | Ended:
        """What the agent is told of it."""
        if self.exit is not None:
            return Ended(container_id=self.container.id, exit=self.exit)
        return Started(container_id=self.container.id, pid=1)


class Supervisor:
    """All containers of one machine. ``disowns`` says whose resources the agent gave away."""

    def __init__(
        self, kernel: Kernel, monitor: Monitor, machine: str, has: Resources, failing: float
    ) -> None:
        self.failing = failing  # how likely a task fails by itself
        self.disowns: Callable[[str], bool] = lambda _: False
        self._kernel = kernel
        self._monitor = monitor
        self._machine = machine
        self._has = has
        self._journal: dict[str, Entry] = {}
        self._preparing: dict[str, Appointment] = {}
        self._tell: Tell | None = None
        self._told_at = 0.0
        self._probing: set[tuple[str, Purpose]] = set()

    @property
    def running(self) -> list[TaskKey]:
        """The tasks whose processes run."""
        return [e.key for e in self._journal.values() if e.state is State.RUNNING]

    # --- the agent -----------------------------------------------------------------------------

    def attach(self, tell: Tell) -> None:
        """An agent connects: tell it of all there is."""
        self._tell = tell

        def list_all() -> None:
            if self._tell is tell:
                facts = tuple(entry.fact for entry in self._journal.values())
                tell(Observed(containerizer=Containerizer.MESOS, containers=facts))

        self._kernel.after(self._kernel.between(*TELL_S), list_all)

    def detach(self) -> None:
        """The agent is gone, and what it prepared with it."""
        self._tell = None
        for appointment in self._preparing.values():
            appointment.cancel()
        self._preparing.clear()
        self._probing.clear()

    def reboot(self) -> None:
        """The machine went down: nothing runs any more, the journal remains."""
        self.detach()
        for entry in self._journal.values():
            if entry.state is State.RUNNING:
                self._end(entry, Exit(problem="the machine was restarted"))

    # --- what is asked for ---------------------------------------------------------------------

    def launch(self, container: Container) -> None:
        """Start it, unless it was started before."""
        if container.id not in self._preparing:
            delay_s = self._kernel.between(*PREPARE_S)
            ready = self._kernel.after(delay_s, lambda: self._start(container))
            self._preparing[container.id] = ready

    def kill(self, container_id: str, grace_s: float) -> None:
        """End it within its grace; what is not known has ended."""
        if preparing := self._preparing.pop(container_id, None):
            preparing.cancel()
            self._say(Ended(container_id=container_id, exit=Exit(started=False)))
            return
        entry = self._journal.get(container_id)
        if entry is not None and entry.state is State.RUNNING:
            delay_s = min(grace_s, self._kernel.between(0.0, 4.0))
            self._kernel.after(delay_s, lambda: self._end(entry, Exit(signal=15)))

    def forget(self, container_id: str) -> None:
        """Its end is durable with the agent."""
        entry = self._journal.get(container_id)
        if entry is not None and entry.state is State.ENDED:
            del self._journal[container_id]

    def probe(self, probe: Probe) -> None:
        """Try a check of a container; the result is told if the agent is still the same."""
        key = (probe.container_id, probe.purpose)
        if key in self._probing:
            what = f"{probe.purpose} of {probe.container_id} on {self._machine}"
            raise Violation("a check is tried once at a time", what)
        self._probing.add(key)
        tell = self._tell

        def end() -> None:
            if tell is not None and self._tell is tell:
                self._probing.discard(key)
                tell(_result(probe, self._found(probe.container_id)))

        self._kernel.after(self._kernel.between(*PROBE_S), end)

    def _found(self, container_id: str) -> Outcome:
        entry = self._journal.get(container_id)
        if entry is None or entry.state is not State.RUNNING:
            return ProbeSkipped(reason="its container is gone")
        fails = self.failing > 0 and self._kernel.chance(FAILED_PROBES)
        return TcpTried(succeeded=not fails)

    # --- what containers do --------------------------------------------------------------------

    def _start(self, container: Container) -> None:
        self._preparing.pop(container.id, None)
        entry = self._journal.get(container.id)
        if entry is None:
            entry = Entry(container, amounts(container.resources))
            self._journal[container.id] = entry
            if self._kernel.chance(self.failing / 4):
                entry.state, entry.exit = (
                    State.ENDED,
                    Exit(started=False, problem="no such program"),
                )
            else:
                self._run(entry)
        self._say(entry.fact)

    def _run(self, entry: Entry) -> None:
        self._monitor.started(entry.key, self._machine)
        alive = [e for e in self._journal.values() if e.state is State.RUNNING]
        owned = [e.resources for e in alive if not self.disowns(e.container.id)]
        self._monitor.fits(self._machine, owned, self._has)
        if self._kernel.chance(self.failing):
            self._end_after(entry, self._kernel.between(*FAIL_S), Exit(code=1))
        elif ".batch-" in (entry.container.task_id or ""):
            self._end_after(entry, self._kernel.between(*BATCH_S), Exit(code=0))

    def _end_after(self, entry: Entry, delay_s: float, exit_: Exit) -> None:
        self._kernel.after(delay_s, lambda: self._end(entry, exit_))

    def _end(self, entry: Entry, exit_: Exit) -> None:
        if entry.state is State.RUNNING:
            entry.state, entry.exit = State.ENDED, exit_
            self._monitor.ended(entry.key)
            self._say(entry.fact)

    def _say(self, fact: Started | Ended) -> None:
        """Tell the agent, in order; if it is not there, it will be told when it is."""
        tell = self._tell
        if tell is None:
            return
        self._told_at = max(self._told_at, self._kernel.now + self._kernel.between(*TELL_S))
        self._kernel.at(self._told_at, lambda: tell(fact) if self._tell is tell else None)


def _result(probe: Probe, outcome: Outcome) -> Probed:
    return Probed(
        container_id=probe.container_id,
        purpose=probe.purpose,
        number=probe.number,
        outcome=outcome,
    )
