"""Which process holds each socket; that of listeners is remembered, as these are read anew.

What is not found is looked for in the next reports, too, but only once more if each process has
been looked at. Then it is found only if it is come across: a socket that nobody holds would be
looked for without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.owners import Found, Owners
from orchestrator.monitoring.probe.connections.sockets import Namespace
from orchestrator.monitoring.probe.processes.table import ProcessTable

_TRIES = 5


class Holders:
    """Finds them when sockets are new."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._owners = Owners(table)
        self._listeners: dict[tuple[int, int], tuple[int, int]] = {}
        """Owner and tries, by namespace and inode."""

    @property
    def is_refused(self) -> bool:
        """Whether some processes do not show their files."""
        return self._owners.is_refused

    def find(self, namespaces: Iterable[Namespace]) -> None:
        """Find the owners of sockets that have none, as far as that is likely to succeed."""
        wanted: dict[int, set[int]] = {}
        unowned: list[Known] = []
        for known in self._with_inodes(namespaces):
            if known.owner and self._table.get(known.owner) is None:
                known.owner, known.tries, known.group = 0, 0, None
            if known.owner or known.is_closed:
                continue
            unowned.append(known)
            if known.tries < _TRIES:
                known.tries += 1
                wanted.setdefault(known.namespace, set()).add(known.inode)
        # The machine's own namespace comes last: its many processes get what the others leave.
        in_turn = dict(reversed(wanted.items()))
        if wanted:
            self._note(unowned, self._owners.find(in_turn, _held(namespaces)))
        self._listeners = {
            (one.namespace, one.inode): (one.owner, one.tries)
            for namespace in namespaces
            for one in namespace.listeners.values()
        }

    def _note(self, unowned: Iterable[Known], found: Found) -> None:
        for known in unowned:
            if known.inode in found.nobodys:
                known.tries = max(known.tries, _TRIES - 1)
            if known.inode in found.holders:
                known.owner, known.descriptor = found.holders[known.inode]
                known.group = None
                if known.peer is not None:
                    known.peer.group = None

    def _with_inodes(self, namespaces: Iterable[Namespace]) -> Iterator[Known]:
        for namespace in namespaces:
            for listener in namespace.listeners.values():
                at = (namespace.inode, listener.inode)
                owner, listener.tries = self._listeners.get(at, (0, 0))
                listener.owner = owner if self._table.get(owner) is not None else 0
                yield listener
            for known in namespace.known.values():
                if known.inode:
                    yield known


def _held(namespaces: Iterable[Namespace]) -> dict[int, set[int]]:
    """Descriptors by pid of which it is known which open sockets they are of."""
    held: dict[int, set[int]] = {}
    for namespace in namespaces:
        for known in namespace.known.values():
            if known.descriptor >= 0 and not known.is_closed:
                held.setdefault(known.owner, set()).add(known.descriptor)
    return held
