"""What a source can do, each of one method, and what it is given to do it with.

A new source is a folder with a function ``Setup -> Source``, and one line in ``sources``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.report import Connection, Node, Plugin, Topology


class Parts(msgspec.Struct):
    """What one source contributes to a report, and what all of them do together."""

    nodes: dict[Topology, list[Node]] = {}
    connections: list[Connection] = []
    names: dict[str, list[str]] = {}
    problems: list[str] = []
    plugins: list[Plugin] = []

    def add(self, others: Parts) -> None:
        """Put the parts of another source to these."""
        for topology, nodes in others.nodes.items():
            self.nodes.setdefault(topology, []).extend(nodes)
        self.connections.extend(others.connections)
        self.names.update(others.names)
        self.problems.extend(others.problems)
        self.plugins.extend(others.plugins)


class Reporter(Protocol):
    """Sees something of its own."""

    def report(self, now: float) -> Parts:
        """What there is now; quick, as the event loop waits."""
        ...


class Tagger(Protocol):
    """Knows more of what others see."""

    def tag(self, parts: Parts, now: float) -> None:
        """Add to the nodes, in place."""
        ...


class Ticker(Protocol):
    """Has work to do between reports: polls another server, drains a queue of the kernel."""

    period_s: float
    """Between the end of one tick and the next."""

    async def tick(self, now: float) -> None:
        """Do some of it."""
        ...


class Terminal(Protocol):
    """A stream that a control has opened, from the side of what carries it out."""

    async def write(self, data: bytes, channel: str = "stdout") -> None:
        """Pass output on, as the app takes it."""
        ...

    async def read(self) -> bytes:
        """What the user typed; empty when the user is gone."""
        ...

    on_resize: Callable[[int, int], Awaitable[None]] | None
    """Called with rows and columns when the user's terminal has another size."""


class Answer(NamedTuple):
    """What came of a control."""

    result: str = ""
    stream: Callable[[Terminal], Awaitable[int | None]] | None = None
    """Goes on with a stream until it ends; gives the exit code, if there is one."""


class ControlFailedError(Exception):
    """A control was not carried out; the text is one sentence for the user."""


class Asked(NamedTuple):
    """A control of one node."""

    node_id: str
    control: str
    arguments: Mapping[str, str]


Controller = Callable[[Asked], Awaitable[Answer]]
"""Carries out the controls of one topology. Raises ControlFailedError."""


PluginController = Callable[[Asked, Topology], Awaitable[Answer]]
"""Carries out what plug-ins offer, of nodes of any topology. Raises ControlFailedError."""


class Source(NamedTuple):
    """One source with the roles that it plays."""

    name: str
    reporter: Reporter | None = None
    tagger: Tagger | None = None
    ticker: Ticker | None = None
    controllers: Mapping[Topology, Controller] = {}
    plugin_controller: PluginController | None = None
    """Carries out controls that have ``~`` in their names."""
    controls: tuple[str, ...] = ()
    """What its controllers carry out."""
    close: Callable[[], None] | None = None


class Setup(NamedTuple):
    """What sources are made of."""

    config: ProbeConfig
    host_id: str
    hiding: Hiding
    table: ProcessTable
    """The processes, read once for all sources."""
