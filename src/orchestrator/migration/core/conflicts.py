"""The conflict log: every pair of changes that did not go together, and what was decided.

A held conflict keeps its path, and what lies below it, until a person decides or the sides agree by
themselves. The log is bounded: the oldest decided entry goes first, a held one never.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from orchestrator.migration.core.content import AclTable
from orchestrator.migration.core.effects import Conflict, Version
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.journal import CONFLICT
from orchestrator.migration.core.policy import Contender, Decision
from orchestrator.migration.core.settings import Settings
from orchestrator.runtime.machine import Save

HELD = "held"
_SHOWN_BYTES = 1_024


def version_of(contender: Contender, data: bytes | None, acls: AclTable) -> Version:
    """One side of a conflict, for the log; ``data`` as far as it is known."""
    state, time_ms = contender
    if state is None:
        return Version(False, None, "", 0, (), time_ms)
    acl = tuple((e.permissions, e.scheme, e.id) for e in acls.acl(state.content.acl))
    shown = None if data is None else data[:_SHOWN_BYTES]
    return Version(True, shown, state.content.data.hex(), len(data or b""), acl, time_ms)


class ConflictBook:
    """All conflicts; ``held`` maps paths to the numbers of those that wait for a person."""

    def __init__(self, settings: Settings) -> None:
        self.held: dict[str, int] = {}
        self.found = 0
        self.by_kind: dict[str, int] = {}
        self._limit = settings.conflict_log
        self._log: dict[int, Conflict] = {}
        self._next = 1

    def __getitem__(self, number: int) -> Conflict:
        return self._log[number]

    def entries(self) -> list[Conflict]:
        """The log, oldest first."""
        return list(self._log.values())

    def restore(self, saved: Iterable[bytes]) -> None:
        """Take in what was saved."""
        entries = [msgspec.msgpack.decode(value, type=Conflict) for value in saved]
        for entry in sorted(entries, key=lambda entry: entry.number):
            self._log[entry.number] = entry
            self._next = entry.number + 1
            if entry.decision == HELD:
                self.held[entry.path] = entry.number

    def note(
        self,
        path: str,
        kind: str,
        versions: tuple[Version, Version],
        decision: Decision,
        now: float,
    ) -> tuple[Conflict, list[Save]]:
        """Log a conflict with its decision; one that was held already keeps its number."""
        known = self.held.pop(path, None)
        number = self._next if known is None else known
        found_at = now if known is None else self._log[known].found_at
        if known is None:
            self._next += 1
            self.found += 1
            self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
        who = HELD if decision.winner is None else decision.winner.name
        a, b = versions
        entry = Conflict(number, path, kind, a, b, who, decision.reason, found_at, now)
        if who == HELD:
            self.held[path] = number
        return entry, [*self._put(entry), *self._trim()]

    def release(
        self,
        path: str,
        versions: tuple[Version, Version],
        decision: tuple[str, str],
        now: float,
    ) -> Conflict | None:
        """A held conflict is decided (by whom, and why), or is none any more; ``versions`` are what
        the sides have by now."""
        number = self.held.pop(path, None)
        if number is None:
            return None
        (a, b), (who, reason) = versions, decision
        known = self._log[number]
        entry = replace(known, a=a, b=b, decision=who, reason=reason, decided_at=now)
        self._log[number] = entry
        return entry

    def save(self, entry: Conflict) -> list[Save]:
        """What keeps an entry that changed."""
        return self._put(entry)

    def above(self, path: str) -> str | None:
        """The held path that this one lies below, if any."""
        while path != "/":
            path = parent_of(path)
            if path in self.held:
                return path
        return None

    def _put(self, entry: Conflict) -> list[Save]:
        self._log[entry.number] = entry
        return [Save(f"{CONFLICT}{entry.number:012}", msgspec.msgpack.encode(entry))]

    def _trim(self) -> list[Save]:
        excess = len(self._log) - self._limit
        if excess <= 0:
            return []
        old = [n for n, e in self._log.items() if e.decision != HELD][:excess]
        for number in old:
            del self._log[number]
        return [Save(f"{CONFLICT}{number:012}", None) for number in old]
