"""The output files of all containers: which there are is asked of the core, again and again.

What the core no longer knows has ended. Its files are not rotated any more; they stay here until
all of them has been shipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from orchestrator.agent.adapters.logs.files import LogFile
from orchestrator.agent.adapters.logs.ledger import Ledger
from orchestrator.agent.core.logs import LogSource

STREAMS = ("stdout", "stderr")


class Logs(NamedTuple):
    """A container's files, and whose they are."""

    source: LogSource
    files: tuple[LogFile, ...]


class LogBook:
    """``known`` gives the ids of the containers there are, ``find`` tells of one of them.

    With ``ships`` the ended ones are kept until ``forget``.
    """

    def __init__(
        self,
        ledger: Ledger,
        known: Callable[[], Iterable[str]],
        find: Callable[[str], LogSource | None],
        *,
        ships: bool,
    ) -> None:
        self.ledger = ledger
        self.live: dict[str, Logs] = {}
        self.ended: dict[str, Logs] = {}
        self._known = known
        self._find = find
        self._ships = ships
        for source in ledger.sources():
            self.ended[source.container_id] = self._open(source)
        if not ships:
            self.forget(list(self.ended))

    def refresh(self) -> None:
        """Look what has come and gone. On the event loop: the core is asked."""
        known = dict.fromkeys(self._known())
        for id_ in known:
            if id_ not in self.live:
                self._begin(id_)
        over = [id_ for id_ in self.live if id_ not in known]
        for id_ in over:
            self.ended[id_] = self.live.pop(id_)
        if over and not self._ships:
            self.forget(over)

    def forget(self, container_ids: Iterable[str]) -> None:
        """Nothing more will be wanted of these, which have ended."""
        gone = [id_ for id_ in container_ids if self.ended.pop(id_, None)]
        self.ledger.forget(gone)

    def _begin(self, container_id: str) -> None:
        known = self.ended.pop(container_id, None)  # of before the agent was started
        source = known.source if known else self._find(container_id)
        if source is None:
            return
        self.live[container_id] = known or self._open(source)
        if self._ships and not known:
            self.ledger.put(source)

    def _open(self, source: LogSource) -> Logs:
        directory, id_ = Path(source.directory), source.container_id
        files = tuple(LogFile(directory, (id_, stream), self.ledger) for stream in STREAMS)
        return Logs(source, files)
