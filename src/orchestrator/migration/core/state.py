"""All that the engine knows; its parts (`tracker`, `planner`, `outcomes` ...) share it."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.migration.core.conflicts import ConflictBook
from orchestrator.migration.core.content import EPHEMERAL, AclTable, State
from orchestrator.migration.core.counters import Counters
from orchestrator.migration.core.effects import Alert, Effect, Problem, Severity
from orchestrator.migration.core.flights import Flights
from orchestrator.migration.core.payloads import Payloads
from orchestrator.migration.core.progress import Totals
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import Role, Side
from orchestrator.migration.core.tree import Node, Tree
from orchestrator.migration.core.units import Units
from orchestrator.migration.core.versions import Versions
from orchestrator.migration.core.view import View


class SideState:
    """What is known of an ensemble as a whole.

    ``reached`` is the zxid up to which everything was heard, None before the first snapshot.
    ``is_steady`` says that states of its nodes are of one moment: after a snapshot, which may be
    fuzzy, and after a restart they are once a barrier (``steady_at``) has been reached.
    """

    def __init__(self) -> None:
        self.reached: int | None = None
        self.is_steady = False
        self.steady_at: int | None = None
        self.steady_token = 0
        self.is_interrupted = False
        self.reason = ""
        self.sees_lifetimes = True
        self.reveals = False  # lifetimes that were only supposed, in the next snapshot
        self.supposed: set[str] = set()  # to have followed a change of the other side's lifetime
        self.loading: set[str] | None = None
        self.loading_structure: set[str] = set()
        self.snapshot_at = 0  # the zxid of the last one
        self.snapshot_seen = 0
        self.snapshot_total: int | None = None
        self.structure: set[str] = set()
        self.moved_structure: set[str] = set()  # not saved yet
        self.sessions: set[int] = set()
        self.proxy_sessions: set[int] = set()
        self.open: dict[Role, int] = {}

    @property
    def is_live(self) -> bool:
        """Whether what is known may be planned from."""
        return self.is_steady and not self.is_interrupted


class Chosen(NamedTuple):
    """A value that a person chose for both sides, who showed ``seen`` (digests) then; whatever
    somebody wrote since is newer."""

    data: bytes | None
    seen: tuple[bytes, bytes]


class SyncState:
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.view = View(settings)
        self.acls = AclTable()
        self.tree = Tree(self.acls)
        self.units = Units()
        self.flights = Flights()
        self.payloads = Payloads(settings.data_bytes)
        self.conflicts = ConflictBook(settings)
        self.counters = Counters(settings)
        self.versions = Versions(settings)
        self.totals = Totals()
        self.sides = (SideState(), SideState())
        self.authority = Side[settings.authority]
        self.chosen: dict[str, Chosen] = {}
        self.stuck: dict[str, str] = {}  # why a path is not copied as it is now
        self.rooted: set[tuple[Side, str]] = (
            set()
        )  # neither deleted nor replaced, for nodes are below
        self.is_paused = False
        self.is_filled = False  # the side to fill was looked at, and taken
        self.halted = ""  # why nothing may be written at all
        self.effects: list[Effect] = []

    def emit(self, effect: Effect) -> None:
        """Have something done, after all that was said before."""
        self.effects.append(effect)

    def alert(self, problem: Problem, severity: Severity, text: str, path: str = "") -> None:
        """Tell a person."""
        self.totals.alerts += 1
        self.emit(Alert(problem, severity, text, path))

    def stick(self, path: str, text: str, problem: Problem, severity: Severity) -> None:
        """A path stays as it is, and why; said once. ``text`` goes on from "... is"."""
        if self.stuck.get(path) != text:
            self.stuck[path] = text
            self.alert(problem, severity, f"{path} is {text}", path)

    def is_real(self, side: Side, state: State | None) -> bool:
        """Whether this is an ephemeral node of a client, not a proxy of ours."""
        return (
            state is not None
            and state.content.kind == EPHEMERAL
            and state.owner not in self.sides[side].proxy_sessions
        )

    def is_proxy(self, side: Side, state: State | None) -> bool:
        """Whether this is an ephemeral node that stands for one of the other side."""
        return (
            state is not None
            and state.content.kind == EPHEMERAL
            and state.owner in self.sides[side].proxy_sessions
        )

    def finish(self, node: Node) -> None:
        """A path needs nothing more for now."""
        path = node.path
        if path not in self.flights.of and path not in self.units:
            if (node.is_settled or node.is_gone) and path not in self.conflicts.held:
                self.payloads.drop_both(path)
            self.versions.note(node)
            self.tree.close(path)
