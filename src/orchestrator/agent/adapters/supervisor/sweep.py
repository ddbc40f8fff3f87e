"""The sweep: kills are carried out, ends are noticed, leftovers are cleared away.

Everything that needs to know which process belongs to which container happens here: one look at
/proc serves all kills asked for and all exits noticed since the last one.

An exited leader is kept as a zombie until nothing else of its container is left, because that keeps
its pid, which is the session id of the rest, from being given to somebody else.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from orchestrator.agent.adapters.supervisor import cgroups, processes
from orchestrator.agent.adapters.supervisor.journal import Entry, Journal, ended_unseen
from orchestrator.agent.adapters.supervisor.kills import Kills, send_signal
from orchestrator.agent.adapters.supervisor.processes import Leader, Process
from orchestrator.agent.adapters.supervisor.timing import SweepTimer, now
from orchestrator.agent.adapters.supervisor.wire import Event, Exited

UNREAPABLE_S = 60.0  # a process that survives SIGKILL this long is reported as it is


class Sweep:
    """Knows whose leader is gone, and tells the exit when the rest is gone too."""

    def __init__(
        self,
        directory: str,
        journal: Journal,
        timer: SweepTimer,
        kills: Kills,
        tell: Callable[[Event], None],
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._timer = timer
        self._kills = kills
        self._tell = tell
        self._gone_since: dict[str, float] = {}  # leader ended, the rest is still ending

    def on_leader_gone(self, container_id: str) -> None:
        """An adopted container's first process has ended."""
        if container_id in self._journal.running:
            self._gone_since[container_id] = now()
            self._timer.sweep_soon()

    def run(self, found: list[Process], reapers: frozenset[int]) -> None:
        """Send the signals that are due, end what exited leaders left, report what is over.

        ``found`` are the machine's processes, ``reapers`` the pids that orphans are handed to.
        """
        running = list(self._journal.running.values())
        leaders = [Leader(entry.container_id, entry.session) for entry in running]
        members = processes.members(leaders, found, reapers, self._directory)
        self._notice_exits(running, found)
        self._add_members_of_cgroups(members)
        self._kills.send(members)
        for container_id in list(self._gone_since):
            self._clean_up(self._journal.entries[container_id], members[container_id])
        _reap_orphans(found, {leader.pid for leader in leaders})

    def _notice_exits(self, running: list[Entry], found: list[Process]) -> None:
        zombies = {process.pid for process in found if process.state == "Z"}
        for entry in running:
            if entry.pid in zombies and _has_exited(entry.pid):
                self._gone_since.setdefault(entry.container_id, now())

    def _add_members_of_cgroups(self, members: dict[str, list[Process]]) -> None:
        """Of those containers whose members matter now."""
        for container_id in self._kills.pending() | self._gone_since.keys():
            entry = self._journal.running.get(container_id)
            if entry is None or entry.roster is None or container_id not in members:
                continue
            known = {process.pid for process in members[container_id]}
            others = (pid for pid in cgroups.members(entry.roster) if pid not in known)
            seen = filter(None, map(processes.look_up, others))
            members[container_id] += [process for process in seen if process.state not in "ZX"]

    def _clean_up(self, entry: Entry, members: list[Process]) -> None:
        """Kill what the leader left, at once or when its grace is over; report when all is gone."""
        rest = [process for process in members if process.pid != entry.pid]
        kill_at = max(entry.kill_at or 0.0, self._gone_since[entry.container_id])
        if not rest or now() >= kill_at + UNREAPABLE_S:
            self._conclude(entry)
            return
        if kill_at <= now():
            self._kills.kill_cgroup(entry.container_id)
            for process in rest:
                send_signal(process, signal.SIGKILL)
        self._timer.sweep_soon()

    def _conclude(self, entry: Entry) -> None:
        del self._gone_since[entry.container_id]
        self._kills.settle(entry.container_id)
        exited = _reap(entry)
        self._journal.put(entry._replace(exited=exited))
        self._tell(exited)


def _has_exited(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def _reap(entry: Entry) -> Exited:
    """Let go of the leader: its pid may be given to somebody else from now on."""
    try:
        pid, status = os.waitpid(entry.pid, os.WNOHANG)
    except ChildProcessError:
        return ended_unseen(entry.container_id)
    if pid == 0:
        return Exited(entry.container_id, problem="its first process cannot be waited for")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Exited(entry.container_id, signal=-code)
    return Exited(entry.container_id, code=code)


def _reap_orphans(found: list[Process], leaders: set[int]) -> None:
    zombies = {p.pid for p in found if p.state == "Z" and p.parent == os.getpid()}
    for pid in zombies - leaders:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
