"""Endpoints that may be asked: what listens, and addresses that the machine passes on."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.listeners import ANY, Listeners
from orchestrator.monitoring.probe.connections.spaces import Spaces
from orchestrator.monitoring.probe.connections.translations import Translations
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.report import Node, Protocol, Topology, ids, keys


class Endpoints:
    """The endpoints of one report. ``owner`` gives process and, else, container of a socket."""

    def __init__(
        self,
        host_id: str,
        spaces: Spaces,
        table: ProcessTable,
        owner: Callable[[Known], tuple[str, str]],
    ) -> None:
        self._host_id = host_id
        self._spaces = spaces
        self._table = table
        self._owner = owner
        self._found: dict[str, tuple[Protocol, dict[Topology, list[str]]]] = {}

    def add_listeners(self, listeners: Listeners) -> None:
        """Those of the machine and its containers."""
        for known in listeners:
            ip = known.ends.ip
            scope = self._spaces.scopes.of("127.0.0.1" if ip in ANY else ip, known.namespace)
            process, container = self._owner(known)
            owner = self._table.get(known.owner)
            if process and owner is not None:
                container = owner.container
            id = ids.endpoint(scope, ip, known.ends.port, known.protocol)
            self._add(id, known.protocol, process, container)

    def add_published(self, listeners: Listeners, translations: Translations) -> None:
        """Addresses that the machine passes on, which others connect to, with whoever accepts."""
        asked = dict(translations)
        if not asked:
            return
        for known in self._spaces.sockets():
            opener = asked.get((known.protocol, known.ends))
            if opener is not None:
                self._add_asked(opener, known)
        for (protocol, accepter), opener in asked.items():
            if protocol == "udp":  # accepted without a socket for each
                home, has = self._spaces.home, self._spaces.has
                found = listeners.behind(accepter.ip, accepter.port, home, has)
                if found is not None:
                    self._add_asked(opener, found)

    def nodes(self) -> list[Node]:
        """As they are told."""
        return [
            Node(id, latest={keys.PROTOCOL: protocol}, parents=parents)
            for id, (protocol, parents) in self._found.items()
        ]

    def _add_asked(self, opener: Ends, known: Known) -> None:
        ip, port = opener.remote_ip, opener.remote_port
        scope = self._spaces.scopes.of(ip, self._spaces.home)
        id = ids.endpoint(scope, ip, port, known.protocol)
        self._add(id, known.protocol, *self._owner(known))

    def _add(self, id: str, protocol: Protocol, process: str, container: str) -> None:
        _, parents = self._found.setdefault(id, (protocol, {"host": [self._host_id]}))
        owners: tuple[tuple[Topology, str], ...] = (("process", process), ("container", container))
        for topology, each in owners:
            if each and each not in parents.get(topology, ()):
                parents.setdefault(topology, []).append(each)
