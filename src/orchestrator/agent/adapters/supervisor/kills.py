"""Kills: SIGTERM to every process of a container, and SIGKILL when its grace is over.

A kill only notes which signal is due; the next sweep, which knows the processes, sends it. The end
of the grace is in the journal, so a supervisor that dies meanwhile leaves it to its successor.

A container that is still being started gets its SIGTERM once it runs: a starter that was ended
halfway would leave one that nobody knows. When the grace is over first, or the starter has taken
too long, the starter is what SIGKILL goes to.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable

from orchestrator.agent.adapters.supervisor import cgroups, processes
from orchestrator.agent.adapters.supervisor.journal import Entry, Journal
from orchestrator.agent.adapters.supervisor.processes import Process
from orchestrator.agent.adapters.supervisor.timing import SweepTimer, now


class Kills:
    """Those that were asked for, of which the container has not ended."""

    def __init__(self, journal: Journal, timer: SweepTimer) -> None:
        self._journal = journal
        self._timer = timer
        self._signals: dict[str, int] = {}  # to be sent in the next sweep
        self._deadlines: dict[str, float] = {}  # when SIGTERM becomes SIGKILL

    def ask(self, container_id: str, grace_s: float) -> None:
        """Kill the container; asked again, its grace can only get shorter."""
        entry = self._journal.entries.get(container_id)
        if entry is None or entry.exited is not None:
            return
        deadline = now() + grace_s
        if entry.kill_at is None and not entry.is_starting:
            self._signal(container_id, signal.SIGTERM)
        if entry.kill_at is None or deadline < entry.kill_at:
            self._deadlines[container_id] = deadline
            self._journal.put(entry._replace(kill_at=deadline))

    def resume(self, entry: Entry) -> None:
        """Go on with what an earlier supervisor was asked for."""
        if entry.kill_at is not None:
            self._deadlines[entry.container_id] = entry.kill_at

    def on_running(self, entry: Entry) -> None:
        """Send what waited for the container to be started, if it was killed meanwhile."""
        if entry.kill_at is not None:
            self._signals.setdefault(entry.container_id, signal.SIGTERM)
            self._timer.sweep_soon()

    def end(self, container_id: str) -> None:
        """SIGKILL in the next sweep."""
        self._signal(container_id, signal.SIGKILL)

    def settle(self, container_id: str) -> None:
        """Nothing of the container is left to be killed."""
        self._deadlines.pop(container_id, None)

    def escalate(self) -> None:
        """Turn SIGTERM into SIGKILL where the grace is over."""
        time = now()
        for container_id in [cid for cid, at in self._deadlines.items() if at <= time]:
            del self._deadlines[container_id]
            self.end(container_id)

    def deadlines(self) -> Iterable[float]:
        """When there is something to escalate."""
        return self._deadlines.values()

    def pending(self) -> set[str]:
        """The containers that the next sweep has a signal for."""
        return set(self._signals)

    def send(self, members: dict[str, list[Process]]) -> None:
        """Send what is due to the containers' processes."""
        for container_id, number in self._signals.items():
            if number == signal.SIGKILL:
                self.kill_cgroup(container_id)
            for process in members.get(container_id, []):
                send_signal(process, number)
        self._signals.clear()
        self._end_the_deaf(members)

    def kill_cgroup(self, container_id: str) -> None:
        """SIGKILL to what is in the container's cgroup, where it has one."""
        entry = self._journal.running.get(container_id)
        if entry is not None and entry.roster is not None:
            cgroups.kill_all(entry.roster)

    def _signal(self, container_id: str, number: int) -> None:
        self._signals[container_id] = number
        self._timer.sweep_soon()

    def _end_the_deaf(self, members: dict[str, list[Process]]) -> None:
        """Do for the first process of a pid namespace what SIGTERM does for any other.

        The kernel keeps signals from it that it does not handle. Nothing is gained by the rest of
        its grace once it is alone; until then it is its children that use it.
        """
        for container_id in self._deadlines:
            entry = self._journal.running.get(container_id)
            if entry is None or not processes.is_deaf_to(entry.pid, signal.SIGTERM):
                continue
            for process in members.get(container_id, []):
                if len(members[container_id]) == 1 and process.pid == entry.pid:
                    send_signal(process, signal.SIGKILL)
            self._timer.sweep_soon()


def send_signal(process: Process, number: int) -> None:
    """Signal the very process that was seen, not one that got its pid since."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        pidfd = os.pidfd_open(process.pid)
        try:
            again = processes.look_up(process.pid)
            if again is not None and again.start == process.start:
                signal.pidfd_send_signal(pidfd, number)
        finally:
            os.close(pidfd)
