"""The supervisor's loop: it waits for the agent, for children and for the clock, one at a time.

Nothing in it blocks but the one ``select``, so all that the parts share needs no lock. In each
round requests and exits are taken in first; then what is due is done, and the agent is told of
all of it at once.

A list asked for while starters work waits for those: "runs" and "failed" would both be untrue.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket

from orchestrator.agent.adapters.supervisor import adoption, processes, wire
from orchestrator.agent.adapters.supervisor.adoption import Adoption
from orchestrator.agent.adapters.supervisor.journal import Journal
from orchestrator.agent.adapters.supervisor.kills import Kills
from orchestrator.agent.adapters.supervisor.launching import Launcher
from orchestrator.agent.adapters.supervisor.peer import Link
from orchestrator.agent.adapters.supervisor.sweep import Sweep
from orchestrator.agent.adapters.supervisor.timing import SweepTimer, now
from orchestrator.agent.adapters.supervisor.wire import (
    Forget,
    Kill,
    Launch,
    List,
    Listed,
    Request,
    Shutdown,
    WireError,
)

HOUSEKEEPING_S = 5.0
IDLE_S = 300.0  # without agent and tasks; the journal keeps what was not yet reported
PR_SET_CHILD_SUBREAPER = 36


class Supervisor:
    """All containers of one work directory. ``run`` returns when there is nothing left to do."""

    def __init__(self, directory: str, listener: socket.socket) -> None:
        self._directory = directory
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._link = link = Link(listener, self._selector, self._handle)
        self._journal = journal = Journal(directory + "/journal")
        self._timer = timer = SweepTimer()
        self._kills = kills = Kills(journal, timer)
        self._sweep = Sweep(directory, journal, timer, kills, link.tell)
        self._adoption = Adoption(journal, self._selector, self._sweep.on_leader_gone)
        self._launcher = Launcher(directory, journal, timer, kills, self._adoption.watch, link.tell)
        self._is_told_to_end = False
        self._ran_at = now()  # when something last ran
        self._reapers = frozenset[int]()

    def run(self) -> None:
        """Serve until told to end, or abandoned, with nothing running."""
        _become_subreaper()
        self._reapers = frozenset({os.getpid(), os.getppid(), 1})
        wakeup = self._notice_signals()
        self._adopt()
        self._selector.register(self._listener, selectors.EVENT_READ, self._on_agent)
        self._selector.register(wakeup, selectors.EVENT_READ, lambda: self._on_child(wakeup))
        while not self._is_done():
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            self._do_what_is_due()
            self._link.flush()

    def _do_what_is_due(self) -> None:
        self._kills.escalate()
        self._launcher.give_up_late()
        self._adoption.look()
        if self._timer.is_due():
            self._timer.begin()
            found = processes.scan()
            self._finish_launches()  # after the look: see starters
            self._sweep.run(found, self._reapers)

    def _adopt(self) -> None:
        """Take over what an earlier supervisor had started."""
        adoption.find_cut_short(self._journal, self._directory)
        for entry in list(self._journal.running.values()):
            self._kills.resume(entry)
            if entry.is_starting:
                self._launcher.resume(entry)
            else:
                self._adoption.watch(entry)

    # --- the agent ---------------------------------------------------------------------------

    def _on_agent(self) -> None:
        if self._link.accept():
            self._is_told_to_end = False

    def _handle(self, message: Request | wire.Event) -> None:
        match message:
            case Launch():
                self._launcher.launch(message)
            case Kill(container_id, grace_s):
                self._kills.ask(container_id, grace_s)
            case Forget(container_id):
                self._forget(container_id)
            case List():
                self._list()
            case Shutdown():
                self._is_told_to_end = True
            case _:
                raise WireError(f"{type(message).__name__} is not a request")

    def _forget(self, container_id: str) -> None:
        entry = self._journal.entries.get(container_id)
        if entry is not None and entry.exited is not None:
            self._journal.drop(container_id)

    def _list(self) -> None:
        if (peer := self._link.peer) is not None:
            peer.list_awaits = set(self._launcher.starting())
            self._list_if_complete()

    def _list_if_complete(self) -> None:
        peer = self._link.peer
        if peer is None or peer.list_awaits is None:
            return
        if peer.list_awaits & self._launcher.starting():
            return
        peer.list_awaits = None
        for entry in list(self._journal.entries.values()):
            if not entry.is_starting:
                self._link.tell(entry.as_event())
        self._link.tell(Listed())

    # --- children and time -------------------------------------------------------------------

    def _notice_signals(self) -> socket.socket:
        receiving, sending = socket.socketpair()
        receiving.setblocking(False)
        sending.setblocking(False)
        signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup_sender = sending
        return receiving

    def _on_child(self, wakeup: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            wakeup.recv(65536)
        self._finish_launches()  # somebody waits for that, and it needs no look at all processes
        self._timer.sweep_soon()

    def _finish_launches(self) -> None:
        self._launcher.finish()
        self._list_if_complete()

    def _timeout(self) -> float:
        moments = [*self._kills.deadlines(), *self._launcher.deadlines()]
        if self._timer.due_at is not None:
            moments.append(self._timer.due_at)
        longest = adoption.LOOK_INTERVAL_S if self._adoption.must_look() else HOUSEKEEPING_S
        return max(0.0, min([longest, *(moment - now() for moment in moments)]))

    def _is_done(self) -> bool:
        if self._journal.running:
            self._ran_at = now()
            return False
        idle_since = max(self._ran_at, self._link.left_at)
        is_abandoned = self._link.peer is None and now() - idle_since > IDLE_S
        return self._is_told_to_end or is_abandoned or not os.path.exists(self._directory)  # noqa: PTH110


def _become_subreaper() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
