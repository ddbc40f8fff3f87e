"""Adoption: the containers of an earlier supervisor, which are nobody's children here.

The journal says which there are. Where the earlier one ended between the note of a launch and that
of its pid, the mark in the processes' environment tells whether the command was started.

A pidfd tells when somebody else's child ends. Each costs a descriptor, so there may be more
containers than that; the rest are looked at every ``LOOK_INTERVAL_S``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
from collections.abc import Callable

from orchestrator.agent.adapters.supervisor import processes, starters
from orchestrator.agent.adapters.supervisor.journal import Entry, Journal
from orchestrator.agent.adapters.supervisor.timing import now

LOOK_INTERVAL_S = 1.0
SPARE_DESCRIPTORS = 128  # what spawning, journal, agent and the interpreter need


class Adoption:
    """Watches over what is not its own. ``on_leader_gone`` is told once whose leader ended."""

    def __init__(
        self,
        journal: Journal,
        selector: selectors.BaseSelector,
        on_leader_gone: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._selector = selector
        self._on_leader_gone = on_leader_gone
        self._pidfds: dict[str, int] = {}  # while the leader lives
        self._unwatched: set[str] = set()  # its leader is gone, or no descriptor was left for it
        self._looked_at = 0.0
        soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._max_pidfds = soft_limit - SPARE_DESCRIPTORS

    def watch(self, entry: Entry) -> None:
        """Notice the end of somebody else's child: by a pidfd, or by looking when there is none."""
        container_id = entry.container_id
        self._unwatched.add(container_id)
        if not _lives(entry) or len(self._pidfds) >= self._max_pidfds:
            return
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(entry.pid)
            if _lives(entry):  # the pid was not given to another in between
                self._unwatched.discard(container_id)
                self._pidfds[container_id] = pidfd
                self._selector.register(
                    pidfd, selectors.EVENT_READ, lambda: self._on_exit(container_id)
                )
            else:
                os.close(pidfd)

    def look(self) -> None:
        """See to those without a pidfd, when it is time."""
        if not self._unwatched or now() < self._looked_at + LOOK_INTERVAL_S:
            return
        self._looked_at = now()
        running = self._journal.running
        gone = [cid for cid in self._unwatched if cid not in running or not _lives(running[cid])]
        for container_id in gone:
            self._unwatched.discard(container_id)
            self._on_leader_gone(container_id)

    def must_look(self) -> bool:
        """Whether there are any without a pidfd."""
        return bool(self._unwatched)

    def _on_exit(self, container_id: str) -> None:
        pidfd = self._pidfds.pop(container_id)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        self._on_leader_gone(container_id)


def find_cut_short(journal: Journal, scope: str) -> None:
    """Settle what became of the launches that the earlier supervisor did not finish noting."""
    wanted = {id_ for id_, entry in journal.running.items() if _is_cut_short(entry)}
    if not wanted:
        return
    for process in sorted(processes.scan(), key=lambda process: process.start):
        if process.pid != process.session:
            continue
        container_id = processes.marked_as(process.pid, scope)
        if container_id in wanted:
            entry = journal.entries[container_id]
            journal.put(entry.with_process(process.pid, process.start))
            wanted.discard(container_id)
    problem = "the supervisor ended while it started the command"
    for container_id in wanted:
        journal.put(journal.entries[container_id].as_failed(problem))


def _is_cut_short(entry: Entry) -> bool:
    """Whether the earlier supervisor ended between the note of a launch and that of its pid.

    Not where a starter has done its work already and left word.
    """
    if entry.session != 0:
        return False
    return entry.starter is None or starters.adoptable(entry.starter) is None


def _lives(entry: Entry) -> bool:
    """Whether the process with that pid still is the entry's leader."""
    process = processes.look_up(entry.pid)
    return process is not None and process.start == entry.start and process.state not in "ZX"
