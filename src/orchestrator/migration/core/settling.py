"""What becomes of conflicts: decided by policy, held, or settled by the sides themselves."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.migration.core.conflicts import version_of
from orchestrator.migration.core.content import UNKNOWN, Content, digest
from orchestrator.migration.core.effects import ConflictFound, Version
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.journal import CHOSEN, save_chosen
from orchestrator.migration.core.merge import rebased
from orchestrator.migration.core.policy import Contender, Decision, decide
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import Chosen, SyncState
from orchestrator.migration.core.tree import Node
from orchestrator.runtime.machine import Save


class Settling:
    """Decides, and writes the decision down as a base (see ``merge``)."""

    def __init__(self, state: SyncState) -> None:
        self._state = state

    def decide(self, node: Node, kind: str, now: float) -> bool:
        """Settle a conflict on a path; False if it is held."""
        a, b = _contenders(node)
        decision = decide(self._state.settings, kind, a, b)
        self._note(node, kind, decision, now)
        if decision.winner is None:
            return False
        self.favour(node, decision.winner)
        return True

    def favour(self, node: Node, winner: Side) -> None:
        """Let a side's state be the only change."""
        base = rebased(node.base, node.content(winner), node.content(winner.other))
        self._state.tree.rebase(node, base)

    def orphan(self, child: Node, parent: Node, side: Side, now: float) -> bool:
        """A node on one side whose parent was deleted on ``side``; False if it is held."""
        if child.path in self._state.chosen:  # a person wants it on both
            self.adopt(child, side.other)
            return True
        states = child.states
        times = [0, 0]
        times[side.other], times[side] = child.times[side.other], parent.times[side]
        a, b = (Contender(states[s], times[s]) for s in SIDES)
        decision = decide(self._state.settings, "orphan", a, b)
        self._note(child, "orphan", decision, now)
        if decision.winner is None:
            return False
        self.adopt(child, decision.winner)
        return True

    def adopt(self, child: Node, winner: Side) -> None:
        """Keep a node whose parents the other side deleted, with these; or delete it, if the
        winner does not have it."""
        if child.content(winner) is None:
            self._state.tree.rebase(child, child.content(winner.other))
            return
        tree, path = self._state.tree, parent_of(child.path)
        while self._state.view.is_in(path) and not tree.has(path, winner.other):
            tree.rebase(tree.open(path), None)
            path = parent_of(path)

    def agreed(self, node: Node, content: Content | None, now: float) -> None:
        """Both sides are the same."""
        self._state.stuck.pop(node.path, None)
        other = node.content(Side.B)
        if content is not None and other is not None and content.acl == UNKNOWN:
            content = replace(content, acl=other.acl)
        self._state.tree.rebase(node, content)
        self.no_conflict(node, now, "agreed")

    def no_conflict(self, node: Node, now: float, decision: str = "none") -> None:
        """What was held is no conflict any more."""
        if node.path in self._state.conflicts.held:
            self.release(node.path, decision, "the sides changed", now)

    def release(self, path: str, decision: str, reason: str, now: float) -> None:
        """A held conflict is over; what waited below it goes on."""
        versions = self._versions(self._state.tree.look(path))
        entry = self._state.conflicts.release(path, versions, (decision, reason), now)
        if entry is not None:
            self._state.effects += [*self._state.conflicts.save(entry), ConflictFound(entry)]
        self._state.units.release(("held", path), now)

    # --- values that a person chose --------------------------------------------------------------

    def choose(self, node: Node, data: bytes | None) -> None:
        """Let both sides have this value."""
        a, b = (_data_of(node, side) for side in SIDES)
        self._state.chosen[node.path] = Chosen(data, (a, b))
        self._state.emit(save_chosen(node.path, data, (a, b)))

    def chosen(self, node: Node) -> Content | None:
        """What both sides of a path are to be; None if somebody wrote it since."""
        data, seen = self._state.chosen[node.path]
        want, there = digest(data), node.content(Side.A)
        if there is None or any(_data_of(node, side) not in (want, seen[side]) for side in SIDES):
            self.chosen_done(node)
            return None
        return replace(there, data=want)

    def chosen_done(self, node: Node) -> None:
        """Both sides have it, or something newer."""
        del self._state.chosen[node.path]
        self._state.emit(Save(f"{CHOSEN}{node.path}", None))

    def _versions(self, node: Node) -> tuple[Version, Version]:
        acls, path, payloads = self._state.acls, node.path, self._state.payloads
        a, b = _contenders(node)
        return (
            version_of(a, payloads.peek(Side.A, path), acls),
            version_of(b, payloads.peek(Side.B, path), acls),
        )

    def _note(self, node: Node, kind: str, decision: Decision, now: float) -> None:
        path, versions, book = node.path, self._versions(node), self._state.conflicts
        known = book.held.get(path)
        if known is not None and decision.winner is None:
            held = book[known]
            if (held.a, held.b) == versions:
                return  # held as before
        entry, saves = book.note(path, kind, versions, decision, now)
        self._state.effects += [*saves, ConflictFound(entry)]
        if known is not None and path not in book.held:
            self._state.units.release(("held", path), now)


def _data_of(node: Node, side: Side) -> bytes:
    content = node.content(side)
    return b"" if content is None else content.data


def _contenders(node: Node) -> tuple[Contender, Contender]:
    a, b = (Contender(node.states[side], node.times[side]) for side in SIDES)
    return a, b
