"""The master's node: the real core, its registry, and the doors that others come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from orchestrator.master.config import MasterConfig
from orchestrator.master.core import admission
from orchestrator.master.core.commands import OperatorCommand
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import (
    AgentRegistered,
    AgentSaid,
    Announce,
    CloseLink,
    CloseStream,
    FrameworkCall,
    FrameworkSubscribed,
    Input,
    LinkClosed,
    Operated,
    Reply,
    Send,
    StreamClosed,
    ToAgent,
    ToFramework,
    ToOperator,
)
from orchestrator.mesos.link import FromAgent, Register
from orchestrator.mesos.scheduler import Call, Subscribe
from orchestrator.mesos.types import MasterInfo
from orchestrator.simulator.connection import End
from orchestrator.simulator.kernel import Action
from orchestrator.simulator.process import Disk, Process
from orchestrator.simulator.surroundings import MASTER, Surroundings


class Opened:
    """The first thing on an event stream: its id, from the answer's header."""

    def __init__(self, stream: str) -> None:
        self.stream = stream


class MasterNode:
    """The leading master, one life after the other; ``core`` is None while nobody leads."""

    def __init__(self, around: Surroundings, config: MasterConfig) -> None:
        self.name = MASTER
        self.disk = Disk()
        self.core: Master | None = None
        self._around = around
        self._config = config
        self._process: Process[Input, Send] | None = None
        self._ends: dict[str, End] = {}  # streams and links, by the ids the core knows

    def start(self) -> None:
        """Start a master on the registry that the last one left, unless one runs."""
        around = self._around
        if self._process is not None:
            return
        info = MasterInfo(
            id=around.kernel.name("M"), ip=0, hostname=MASTER, pid="master@10.0.0.1:1"
        )
        kept = dict(self.disk.objects)
        core = around.parts.master(self._config, info, {}, kept, around.kernel.now)
        self.core = core
        around.monitor.master_restarts()
        around.network.is_down.discard(MASTER)
        self._process = around.parts.process(
            around.kernel,
            core,
            self.disk,
            self._perform,
            lambda: around.monitor.look_at_master(core.state),
        )
        around.network.listen(MASTER, self._accept)

    def ambush(self, strike: Action) -> None:
        """Have something happen just when it saves."""
        if self._process is not None:
            self._process.ambush(strike)

    def crash(self, *, power: bool) -> None:
        """End the master, or (``power``) its whole machine."""
        if self._process is None:
            return
        self._process.crash()
        self._process = self.core = None
        self._ends.clear()
        self._around.network.stop(MASTER, power=power)
        if power:
            self._around.network.is_down.add(MASTER)

    def call(self, call: Call, stream: str | None) -> str | None:
        """A framework's POST: why it is refused, or None."""
        if self.core is None:
            return "connection reset"
        refusal = admission.check_call(self.core.cluster, call, stream)
        if refusal is not None:
            return refusal.message
        self._dispatch(FrameworkCall(call))
        return None

    def operate(self, command: OperatorCommand) -> None:
        """An operator's command; what comes of it, the books show."""
        self._dispatch(Operated(0, command))

    # --- what comes in -------------------------------------------------------------------------

    def _dispatch(self, event: Input) -> None:
        if self._process is not None:
            self._around.trace.note(MASTER, "<", event)
            self._process.dispatch(event)

    def _accept(self, end: End) -> None:
        def first(message: object) -> None:
            match message:
                case Register():
                    self._open_link(end, message)
                case Subscribe():
                    self._open_stream(end, message)
                case _:
                    end.close()

        end.hear = first

    def _open_link(self, end: End, register: Register) -> None:
        link = self._around.kernel.name("link")
        self._attend(link, end, LinkClosed(link))

        def said(message: object) -> None:
            if isinstance(message, FromAgent):
                self._dispatch(AgentSaid(link, message))

        end.hear = said
        self._dispatch(AgentRegistered(link, register, "10.0.0.1"))

    def _open_stream(self, end: End, subscribe: Subscribe) -> None:
        stream = self._around.kernel.name("stream")
        self._attend(stream, end, StreamClosed(stream))
        end.send(Opened(stream))
        suppressed = tuple(subscribe.suppressed_roles)
        self._dispatch(FrameworkSubscribed(stream, subscribe.framework_info, suppressed))

    def _attend(self, name: str, end: End, closed: LinkClosed | StreamClosed) -> None:
        self._ends[name] = end
        end.lose = lambda _: self._gone(name, closed)

    def _gone(self, name: str, closed: LinkClosed | StreamClosed) -> None:
        if self._ends.pop(name, None) is not None:
            self._dispatch(closed)

    # --- what goes out -------------------------------------------------------------------------

    def _perform(self, effect: Send) -> None:
        self._around.trace.note(MASTER, ">", effect)
        match effect:
            case ToFramework(stream, event):
                self._to(stream, lambda end: end.send(event))
            case ToAgent(link, message):
                self._to(link, lambda end: end.send(message))
            case CloseStream(stream):
                self._to(stream, lambda end: self._close(stream, end, StreamClosed(stream)))
            case CloseLink(link):
                self._to(link, lambda end: self._close(link, end, LinkClosed(link)))
            case Reply() | ToOperator() | Announce():  # no operator listens
                pass
            case _:
                assert_never(effect)

    def _to(self, name: str, do: Callable[[End], None]) -> None:
        if end := self._ends.get(name):
            do(end)

    def _close(self, name: str, end: End, closed: LinkClosed | StreamClosed) -> None:
        end.close()
        self._around.kernel.after(0.0, lambda: self._gone(name, closed))
