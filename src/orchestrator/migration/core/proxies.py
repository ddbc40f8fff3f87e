"""Ephemeral nodes: which of them have a proxy on the other side, and what is to be done about it.

A client's ephemeral node lives as long as his session, so it cannot be copied. Its *proxy* is an
ephemeral node of a session of the engine's on the other side, with the same data and access list.
It follows its original in everything, and is deleted when that is gone: what somebody else does to
a proxy is undone. A proxy is no change of its side, so it is never copied back.

The engine's session outlives the engine's process: after a restart it is gone on with, so that the
engine's death does not look like the owners'. If it does end, its proxies go with it, and are
created again in the next.

In an election directory only members of the authority side have proxies. A member of the other side
is left alone and alone on its side; it is reported, for there it could win.
"""

from __future__ import annotations

from orchestrator.migration.core import drafts
from orchestrator.migration.core.content import EPHEMERAL
from orchestrator.migration.core.drafts import Draft, Place
from orchestrator.migration.core.effects import Problem, Severity
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node


def is_ephemeral(node: Node) -> bool:
    """Whether a path is ephemeral anywhere."""
    a, b = node.states
    return (a is not None and a.content.kind == EPHEMERAL) or (
        b is not None and b.content.kind == EPHEMERAL
    )


class Proxies:
    """Decides about paths that are ephemeral on a side."""

    def __init__(self, state: SyncState) -> None:
        self._state = state

    def origin(self, node: Node) -> Side | None:
        """The side of a path's original, if it has one that is to be mirrored."""
        real = [s for s in SIDES if self._state.is_real(s, node.states[s])]
        if len(real) != 1:
            return None
        return real[0] if self._is_mirrored(node.path, real[0]) else None

    def draft(self, node: Node) -> list[Draft]:
        """What brings the other side in line with the original."""
        real = [s for s in SIDES if self._state.is_real(s, node.states[s])]
        if len(real) == 2:
            self._contend(node, "an ephemeral node of a client on both sides")
            return []
        side = real[0] if real else None
        found = [d for s in SIDES if s is not side and (d := self._unwanted(node, s))]
        if found or side is None:
            return found
        return self._follow(node, side)

    def _unwanted(self, node: Node, side: Side) -> Draft | None:
        """The deletion of a proxy that has no original any more."""
        state = node.states[side]
        if state is None or not self._state.is_proxy(side, state):
            return None
        if self.origin(node) is side.other:
            return None
        return drafts.deletion(self._place(node, side), state, Role.PROXY)

    def _follow(self, node: Node, side: Side) -> list[Draft]:
        target, state = side.other, node.states[side]
        assert state is not None
        there, place = node.states[target], self._place(node, target)
        if there is not None and not self._state.is_proxy(target, there):
            return self._meets_plain(node, target)
        if node.base is not None:
            self._state.tree.rebase(node, None)
        if not self._is_mirrored(node.path, side):
            self._report_contender(node, side)
            return []
        data = self._state.payloads.get(side, node.path, state.content.data)
        acl = self._state.acls.acl(state.content.acl)
        if there is None:
            return [drafts.proxy(place, data, acl)]
        if there.content.data != state.content.data:
            return [drafts.data_change(place, there, state.content, data, Role.PROXY)]
        if there.content.acl != state.content.acl:
            return [drafts.acl_change(place, there, state.content, acl, Role.PROXY)]
        return []

    def _meets_plain(self, node: Node, target: Side) -> list[Draft]:
        """The original took the place of a node that both sides had."""
        there = node.states[target]
        if there is not None and there.content == node.base:
            return [drafts.deletion(self._place(node, target), there)]
        self._contend(node, "ephemeral on one side and not on the other")
        return []

    def _is_mirrored(self, path: str, side: Side) -> bool:
        if self._state.counters.is_election(parent_of(path)):
            return side is self._state.authority
        return self._state.settings.ephemerals == "proxy"

    def _contend(self, node: Node, text: str) -> None:
        self._state.stick(node.path, text, Problem.OWNER, Severity.WARNING)

    def _report_contender(self, node: Node, side: Side) -> None:
        if self._state.counters.is_election(parent_of(node.path)):
            text = f"a member of an election on {side.name}, which is not the authority"
            self._state.stick(node.path, text, Problem.CONTENDER, Severity.INFO)

    def _place(self, node: Node, side: Side) -> Place:
        return Place(side, self._state.view.outward(side, node.path), node.path)
