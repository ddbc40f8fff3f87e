"""Which ephemeral nodes are whose: servers before 3.6 do not say what ends with a session. Pure."""

from __future__ import annotations

from orchestrator.zookeeper.jute.records import lifetime


class Ephemerals:
    """The nodes of sessions, for as long as everything was heard since a snapshot."""

    def __init__(self) -> None:
        self.is_complete = False
        self._owners: dict[str, int] = {}
        self._owned: dict[int, dict[str, None]] = {}

    def clear(self) -> None:
        """A snapshot begins."""
        self._owners.clear()
        self._owned.clear()
        self.is_complete = True

    def created(self, path: str, owner: int) -> None:
        """A node with an owner, as servers store it."""
        session = lifetime(owner).session
        if session:
            self._owners[path] = session
            self._owned.setdefault(session, {})[path] = None

    def deleted(self, path: str) -> None:
        """A node of any kind is gone."""
        session = self._owners.pop(path, None) if self._owners else None
        if session is not None:
            owned = self._owned[session]
            del owned[path]
            if not owned:
                del self._owned[session]

    def of(self, session: int) -> list[str]:
        """The nodes of a session."""
        return list(self._owned.get(session, ()))
