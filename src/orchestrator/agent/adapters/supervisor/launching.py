"""Launching: from the order to the first process, which is told.

A launch is in the journal before anything is started, and a second one of the same container
starts nothing, so an agent that does not know whether it was heard may repeat itself.

Most commands run as soon as they are spawned. A container that a starter starts (see ``starters``)
runs when that has ended, which SIGCHLD or a sweep tells. Only of starters that an earlier
supervisor spawned nobody says when they end; for those, one sweep asks for the next.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Set

from orchestrator.agent.adapters.supervisor import cgroups, processes, starters
from orchestrator.agent.adapters.supervisor.journal import Entry, Journal, ended_unseen
from orchestrator.agent.adapters.supervisor.kills import Kills, send_signal
from orchestrator.agent.adapters.supervisor.processes import Process
from orchestrator.agent.adapters.supervisor.starters import Starter
from orchestrator.agent.adapters.supervisor.timing import SweepTimer, now
from orchestrator.agent.adapters.supervisor.wire import Event, Launch


class Launcher:
    """Starts containers. ``watch`` takes those that run and are not the supervisor's children."""

    def __init__(
        self,
        directory: str,
        journal: Journal,
        timer: SweepTimer,
        kills: Kills,
        watch: Callable[[Entry], None],
        tell: Callable[[Event], None],
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._timer = timer
        self._kills = kills
        self._watch = watch
        self._tell = tell
        self._home = cgroups.Home()
        self._start_by: dict[str, float] = {}  # when a starter has taken too long

    def launch(self, launch: Launch) -> None:
        """Start it unless it is known, and tell what became of it as soon as that is clear."""
        known = self._journal.entries.get(launch.container_id)
        if known is None:
            self._journal.put(known := self._start(launch))
        if known.is_starting:
            self._start_by.setdefault(known.container_id, now() + starters.START_TIMEOUT_S)
        else:
            self._tell(known.as_event())

    def resume(self, entry: Entry) -> None:
        """Wait for a starter that an earlier supervisor spawned."""
        self._start_by[entry.container_id] = now() + starters.START_TIMEOUT_S
        self._timer.sweep_soon()

    def starting(self) -> Set[str]:
        """The containers whose starters still work."""
        return self._start_by.keys()

    def deadlines(self) -> Iterable[float]:
        """When there is a starter to give up."""
        return self._start_by.values()

    def give_up_late(self) -> None:
        """End the starters that have taken too long."""
        time = now()
        for container_id in [cid for cid, at in self._start_by.items() if at <= time]:
            self._start_by[container_id] = time + starters.START_TIMEOUT_S
            self._kills.end(container_id)

    def finish(self) -> None:
        """Tell of the containers whose starters have ended."""
        for container_id in list(self._start_by):
            entry = self._journal.entries[container_id]
            result = starters.outcome(entry.starter) if entry.starter else None
            if result is not None:
                del self._start_by[container_id]
                self._on_outcome(entry, result)
            elif entry.starter and processes.parent_of(entry.starter.pid) != os.getpid():
                self._timer.sweep_soon()

    def _start(self, launch: Launch) -> Entry:
        """What came of it, which is still to be noted; that it begins is noted before it does."""
        entry = Entry(launch.container_id, roster=launch.roster)
        try:
            entry = entry._replace(starter=_starter_for(launch))
        except OSError as cause:
            return entry.as_failed(_sentence(cause))
        if (error := self._journal.put(entry)) is not None:
            problem = f"the supervisor's journal cannot be written: {_sentence(error)}"
            return entry.as_failed(problem)
        return self._spawn(launch, entry)

    def _spawn(self, launch: Launch, entry: Entry) -> Entry:
        try:
            with self._home.away(launch.enters):
                pid = processes.spawn(launch, self._directory)
        except (OSError, ValueError, LookupError, TypeError) as cause:
            if launch.roster is not None:
                cgroups.kill_all(launch.roster)  # should it be the way home that failed
            return entry.as_failed(_sentence(cause))
        process = processes.look_up(pid)
        return entry.with_process(pid, process.start if process else 0)

    def _on_outcome(self, entry: Entry, result: starters.Outcome) -> None:
        match result:
            case starters.Running(process):
                entry = self._on_running(entry, process)
            case starters.Gone():
                entry = entry._replace(exited=ended_unseen(entry.container_id))
            case starters.Failed(problem):
                _end_half_started(entry)
                entry = entry.as_failed(problem)
        if entry.exited is not None:
            self._kills.settle(entry.container_id)
        self._journal.put(entry)
        self._tell(entry.as_event())

    def _on_running(self, entry: Entry, process: Process) -> Entry:
        entry = entry._replace(pid=process.pid, start=process.start)
        if process.parent != os.getpid():
            self._watch(entry)
        self._kills.on_running(entry)
        return entry


def _starter_for(launch: Launch) -> Starter | None:
    if launch.pid_file is None:
        return None
    return starters.prepare(launch.pid_file, f"{launch.directory}/{processes.STDERR}")


def _end_half_started(entry: Entry) -> None:
    """A starter that was ended may have left a container after all."""
    left = starters.adoptable(entry.starter) if entry.starter else None
    if isinstance(left, starters.Running):
        send_signal(left.process, signal.SIGKILL)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)
