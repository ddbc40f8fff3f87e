"""Tells of connections and listeners, in the namespaces of the machine and its containers."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.endpoints import Endpoints
from orchestrator.monitoring.probe.connections.grouping import Group, Groups, Key
from orchestrator.monitoring.probe.connections.holders import Holders
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.listeners import Listeners
from orchestrator.monitoring.probe.connections.pairing import Pairs, Surroundings
from orchestrator.monitoring.probe.connections.spaces import Spaces
from orchestrator.monitoring.probe.connections.translations import Translations
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Connection, Node, ids


def source(setup: Setup) -> Source:
    """The source."""
    connections = Connections(setup)
    return Source("connections", reporter=connections, ticker=connections, close=connections.close)


class Connections:
    """Reporter of connections and listeners; drains the kernel's events in between."""

    period_s = 1.0

    def __init__(self, setup: Setup) -> None:
        self._host_id = setup.host_id
        self._table: ProcessTable = setup.table
        self._spaces = Spaces(setup)
        self._holders = Holders(setup.table)
        self._pairs = Pairs()
        self._groups = Groups()
        self._listeners = Listeners()
        self._translations = Translations(setup.config.proc)

    def close(self) -> None:
        """Close what is open."""
        self._spaces.close()

    async def tick(self, now: float) -> None:
        """Take what the kernel says of destroyed sockets, before its buffer is full."""
        del now
        for namespace in self._spaces:
            namespace.drain()

    def report(self, now: float) -> Parts:
        """All connections and listeners."""
        del now
        problems: list[str] = []
        self._forget(self._spaces.refresh())
        for namespace in self._spaces:
            try:
                namespace.refresh()
            except OSError as error:
                problems.append(f"connections cannot be read: {error.strerror or error}")
        self._translations.note_own(self._spaces.own)
        self._translations.refresh()
        self._holders.find(list(self._spaces))
        self._listeners = Listeners(self._spaces.listeners())
        parts = Parts(connections=self._connect(), problems=problems)
        parts.nodes["endpoint"] = self._endpoints()
        parts.problems += self._own_problems()
        return parts

    def _connect(self) -> list[Connection]:
        self._pairs.find(self._spaces.sockets(), self._around())
        self._groups.begin()
        for known in self._spaces.sockets():
            if known.peer is None or known.is_opener:  # else told by the other end, also if that
                self._add(known)  # is closed already
        told = self._groups.connections()
        for namespace in self._spaces:
            self._forget(namespace.forget_closed())
        return told

    def _add(self, known: Known) -> None:
        group = known.group
        if group is None:
            group = known.group = self._group_of(known)
        sent, received, resent = known.sent, known.received, known.retransmits
        if known.peer is not None:
            received, resent = known.peer.sent, resent + known.peer.retransmits
        if not known.is_opener:
            sent, received = received, sent
        if known.is_closed:
            group.end(sent, received, resent)
        else:
            group.add(sent, received, resent, known.rtt_us)

    def _forget(self, gone: Iterable[Known]) -> None:
        around = self._around()
        for known in gone:
            self._pairs.forget(known, around)

    def _around(self) -> Surroundings:
        spaces = self._spaces
        return Surroundings(self._listeners, self._translations, spaces.scopes.of, spaces.has)

    def _group_of(self, known: Known) -> Group:
        scope, inode, ends = self._spaces.scopes.of, known.namespace, known.ends
        own, there = self._owner(known), ("", "")
        if (other := known.peer or known.far) is not None:
            there = self._owner(other)
        if known.is_opener:
            ends = self._translations.meant(known.protocol, ends)
        else:
            own, there = there, own
            asked = self._translations.asked(known.protocol, ends)
            ends = asked or Ends(ends.remote_ip, ends.remote_port, ends.ip, ends.port)
        where = scope(ends.remote_ip, inode)
        key = Key(
            ids.endpoint(scope(ends.ip, inode), ends.ip, None),
            ids.endpoint(where, ends.remote_ip, ends.remote_port, known.protocol),
            source_process=own[0],
            target_process=there[0],
            source_container=own[1],
            target_container=there[1],
            protocol=known.protocol,
        )
        return self._groups.of(key)

    def _owner(self, known: Known) -> tuple[str, str]:
        """Process and, where that is not known, container."""
        pid = known.owner
        if not pid and not known.is_opener:
            ends = known.ends
            listener = self._listeners.at(known.namespace, known.protocol, ends.ip, ends.port)
            pid = listener.owner if listener is not None else 0
        if pid and self._table.get(pid) is not None:
            return ids.process(self._host_id, pid), ""
        return "", self._spaces.containers.get(known.namespace, "")

    def _endpoints(self) -> list[Node]:
        endpoints = Endpoints(self._host_id, self._spaces, self._table, self._owner)
        endpoints.add_listeners(self._listeners)
        endpoints.add_published(self._listeners, self._translations)
        return endpoints.nodes()

    def _own_problems(self) -> Iterable[str]:
        if self._translations.problem:
            yield self._translations.problem
        if self._spaces.refused:
            yield (
                "connections in the network namespaces of some containers are not seen: "
                f"{self._spaces.refused}"
            )
        for protocol in sorted({each for namespace in self._spaces for each in namespace.lacks}):
            yield f"{protocol.upper()} connections are not seen: this kernel has no {protocol}_diag"
        if self._holders.is_refused:
            yield "the owners of some connections are not known: their files may not be seen"
        lost = sum(namespace.lost for namespace in self._spaces)
        if lost:
            yield "some connections are not told: there were too many at once"
        for namespace in self._spaces:
            namespace.lost = 0
