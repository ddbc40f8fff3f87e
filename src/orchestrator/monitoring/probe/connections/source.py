"""Tells of connections and listeners, in the namespaces of the machine and its containers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.grouping import Group, Groups, Key
from orchestrator.monitoring.probe.connections.owners import Owners
from orchestrator.monitoring.probe.connections.sockets import Known, Namespace
from orchestrator.monitoring.probe.connections.translations import Translations
from orchestrator.monitoring.probe.kernel.addresses import (
    Scopes,
    bridged_networks,
    read_addresses,
)
from orchestrator.monitoring.probe.kernel.namespaces import inside
from orchestrator.monitoring.probe.processes.table import ProcessTable, namespace_of
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Connection, Node, Topology, ids, keys

MAX_NAMESPACES = 1000
_TRIES = 5
_ANY = ("0.0.0.0", "::")
Side = tuple[str, str, int, str, int]
"""Scope, own address and port, the other's address and port."""


def source(setup: Setup) -> Source:
    """The source."""
    connections = Connections(setup)
    return Source("connections", reporter=connections, ticker=connections, close=connections.close)


class Connections:
    """Reporter of connections and listeners; drains the kernel's events in between."""

    period_s = 1.0

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._table: ProcessTable = setup.table
        self._home = namespace_of("/proc/self/ns/net")
        self._namespaces: dict[int, Namespace] = {}
        self._owners = Owners(setup.table)
        self._groups = Groups()
        self._by_side: dict[Side, Known] = {}
        self._scopes = Scopes(setup.host_id)
        self._listening: dict[tuple[int, int], dict[str, Known]] = {}
        self._containers: dict[int, str] = {}
        self._listener_owners: dict[tuple[int, int], int] = {}  # namespace, inode
        self._listener_tries: dict[tuple[int, int], int] = {}
        self._refused = ""
        self._translations = Translations(setup.config.proc)

    def close(self) -> None:
        """Close what is open."""
        for namespace in self._namespaces.values():
            namespace.close()

    async def tick(self, now: float) -> None:
        """Take what the kernel says of destroyed sockets, before its buffer is full."""
        del now
        for namespace in self._namespaces.values():
            namespace.drain()

    def report(self, now: float) -> Parts:
        """All connections and listeners."""
        del now
        problems: list[str] = []
        self._scopes = self._read_scopes()
        self._open_namespaces()
        for namespace in self._namespaces.values():
            try:
                namespace.refresh()
            except OSError as error:
                problems.append(f"connections cannot be read: {error.strerror or error}")
        self._translations.refresh()
        self._find_owners()
        self._index_listeners()
        parts = Parts(connections=self._connect(), problems=problems)
        parts.nodes["endpoint"] = self._endpoints()
        parts.problems += self._own_problems()
        return parts

    def _connect(self) -> list[Connection]:
        self._pair()
        self._groups.begin()
        for namespace in self._namespaces.values():
            for known in namespace.known.values():
                peer = known.peer
                if peer is not None and not known.is_opener:
                    continue  # told by the other end, also if that is closed already
                group = known.group
                if group is None:
                    group = known.group = self._group_of(namespace, known)
                sent, received, resent = known.sent, known.received, known.retransmits
                if peer is not None:
                    received, resent = peer.sent, resent + peer.retransmits
                if not known.is_opener:
                    sent, received = received, sent
                if known.is_closed:
                    group.end(sent, received, resent)
                else:
                    group.add(sent, received, resent, known.rtt_us)
        told = self._groups.connections()
        for namespace in self._namespaces.values():
            for known in namespace.forget_closed():
                self._by_side.pop(self._side_of(known), None)
        return told

    def _pair(self) -> None:
        """Find the two ends of connections within the machine, and who opened each."""
        for namespace in self._namespaces.values():
            for known in namespace.known.values():
                if known.group is None and known.peer is None:
                    self._by_side[self._side_of(known)] = known
        for namespace in self._namespaces.values():
            for known in namespace.known.values():
                if known.group is None and known.peer is None:
                    known.is_opener = not self._has_listener(namespace.inode, known)
                    far = self._translations.far_end(known.ends)
                    scope = self._scopes.of(far.ip, known.namespace)
                    peer = self._by_side.get((scope, *far))
                    if peer is not None and peer is not known:
                        known.peer, peer.peer = peer, known
                        peer.group = None
                        peer.is_opener = not self._has_listener(peer.namespace, peer)
                        for one in (known, peer):
                            self._by_side.pop(self._side_of(one), None)
        for namespace in self._namespaces.values():
            for known in namespace.known.values():
                peer = known.peer
                if known.group is None and peer is not None and known.is_opener == peer.is_opener:
                    known.is_opener = known.ends.port > known.ends.remote_port
                    peer.is_opener = not known.is_opener

    def _side_of(self, known: Known) -> Side:
        ends = known.ends
        scope = self._scopes.of(ends.ip, known.namespace)
        return (scope, ends.ip, ends.port, ends.remote_ip, ends.remote_port)

    def _has_listener(self, namespace: int, known: Known) -> bool:
        listening = self._listening.get((namespace, known.ends.port), {})
        return any(ip in listening for ip in (known.ends.ip, *_ANY))

    def _group_of(self, namespace: Namespace, known: Known) -> Group:
        inode = namespace.inode
        own = self._owner(inode, known)
        there = ("", "")
        if known.peer is not None:
            there = self._owner(known.peer.namespace, known.peer)
        ends = self._translations.meant(known.ends)
        if not known.is_opener:
            own, there = there, own
            ends, asked = known.ends, self._translations.asked(known.ends)
            ends = asked or Ends(ends.remote_ip, ends.remote_port, ends.ip, ends.port)
        key = Key(
            ids.endpoint(self._scopes.of(ends.ip, inode), ends.ip, None),
            ids.endpoint(self._scopes.of(ends.remote_ip, inode), ends.remote_ip, ends.remote_port),
            source_process=own[0],
            target_process=there[0],
            source_container=own[1],
            target_container=there[1],
        )
        return self._groups.of(key)

    def _owner(self, namespace: int, known: Known) -> tuple[str, str]:
        """Process and, where that is not known, container."""
        pid = known.owner
        if not pid and not known.is_opener:
            pid = self._listener_of(namespace, known)
        if pid and self._table.get(pid) is not None:
            return ids.process(self._setup.host_id, pid), ""
        return "", self._containers.get(namespace, "")

    def _listener_of(self, namespace: int, known: Known) -> int:
        listening = self._listening.get((namespace, known.ends.port), {})
        for ip in (known.ends.ip, *_ANY):
            if ip in listening:
                return listening[ip].owner
        return 0

    def _find_owners(self) -> None:
        wanted: dict[int, set[int]] = {}
        waiting: list[Known] = []
        for namespace in self._namespaces.values():
            for known in self._with_inodes(namespace):
                if known.owner and self._table.get(known.owner) is None:
                    known.owner, known.tries, known.group = 0, 0, None
                if not known.owner and known.tries < _TRIES and not known.is_closed:
                    known.tries += 1
                    wanted.setdefault(namespace.inode, set()).add(known.inode)
                    waiting.append(known)
        found = self._owners.find(wanted) if wanted else {}
        for known in waiting:
            if known.inode in found:
                known.owner = found[known.inode]
                known.group = None
                if known.peer is not None:
                    known.peer.group = None
        for namespace in self._namespaces.values():
            for listener in namespace.listeners.values():
                at = (namespace.inode, listener.inode)
                self._listener_tries[at] = listener.tries
                if listener.owner:
                    self._listener_owners[at] = listener.owner

    def _with_inodes(self, namespace: Namespace) -> Iterator[Known]:
        for listener in namespace.listeners.values():
            owner = self._listener_owners.get((namespace.inode, listener.inode), 0)
            listener.owner = owner if self._table.get(owner) is not None else 0
            listener.tries = self._listener_tries.get((namespace.inode, listener.inode), 0)
            yield listener
        for known in namespace.known.values():
            if known.inode:
                yield known

    def _index_listeners(self) -> None:
        self._listening = {}
        for namespace in self._namespaces.values():
            for known in namespace.listeners.values():
                at = self._listening.setdefault((namespace.inode, known.ends.port), {})
                at.setdefault(known.ends.ip, known)
        alive = {
            (n.inode, k.inode) for n in self._namespaces.values() for k in n.listeners.values()
        }
        for key in self._listener_owners.keys() - alive:
            del self._listener_owners[key]
        for key in self._listener_tries.keys() - alive:
            del self._listener_tries[key]

    def _endpoints(self) -> list[Node]:
        found: dict[str, dict[Topology, list[str]]] = {}
        for (namespace, port), by_ip in self._listening.items():
            for ip, known in by_ip.items():
                scope = self._scopes.of("127.0.0.1" if ip in _ANY else ip, namespace)
                process, container = self._owner(namespace, known)
                owner = self._table.get(known.owner)
                if process and owner is not None:
                    container = owner.container
                self._add_owner(
                    found.setdefault(ids.endpoint(scope, ip, port), {}), process, container
                )
        for id, process, container in self._published():
            self._add_owner(found.setdefault(id, {}), process, container)
        return [
            Node(id, latest={keys.PROTOCOL: "tcp"}, parents=parents)
            for id, parents in found.items()
        ]

    def _published(self) -> Iterator[tuple[str, str, str]]:
        """Addresses that the machine passes on, which others connect to: endpoint, process and
        container of whoever accepts there."""
        asked = dict(self._translations)
        if not asked:
            return
        for namespace in self._namespaces.values():
            for known in namespace.known.values():
                opener = asked.get(known.ends)
                if opener is not None:
                    scope = self._scopes.of(opener.remote_ip, self._home)
                    id = ids.endpoint(scope, opener.remote_ip, opener.remote_port)
                    yield id, *self._owner(namespace.inode, known)

    def _add_owner(self, parents: dict[Topology, list[str]], process: str, container: str) -> None:
        parents.setdefault("host", [self._setup.host_id])
        owners: tuple[tuple[Topology, str], ...] = (("process", process), ("container", container))
        for topology, id in owners:
            if id and id not in parents.get(topology, ()):
                parents.setdefault(topology, []).append(id)

    def _read_scopes(self) -> Scopes:
        try:
            addresses = read_addresses()
            networks = bridged_networks(addresses, self._setup.config.sys)
        except OSError:
            return self._scopes
        self._translations.note_own(address.ip for address in addresses)
        return Scopes(self._setup.host_id, networks)

    def _open_namespaces(self) -> None:
        paths: dict[int, str] = {self._home: ""}
        containers: dict[int, set[str]] = {}
        for process in self._table:
            inode = process.namespace
            if inode:
                paths.setdefault(inode, f"{self._table.proc}/{process.pid}/ns/net")
                containers.setdefault(inode, set()).add(process.container)
        self._containers = {
            inode: next(iter(found))
            for inode, found in containers.items()
            if len(found) == 1 and inode != self._home
        }
        for inode in self._namespaces.keys() - paths.keys():
            namespace = self._namespaces.pop(inode)
            for known in namespace.known.values():
                self._by_side.pop(self._side_of(known), None)
            namespace.close()
        self._refused = ""
        for inode in list(paths.keys() - self._namespaces.keys())[:MAX_NAMESPACES]:
            if len(self._namespaces) < MAX_NAMESPACES:
                self._open(inode, paths[inode])

    def _open(self, inode: int, path: str) -> None:
        try:
            if not path:
                self._namespaces[inode] = Namespace(inode)
            else:
                self._namespaces[inode] = inside(path, lambda: Namespace(inode))
        except FileNotFoundError:
            return  # the process has ended meanwhile
        except OSError as error:
            self._refused = error.strerror or str(error)

    def _own_problems(self) -> Iterable[str]:
        if self._translations.problem:
            yield self._translations.problem
        if self._refused:
            yield (
                "connections in the network namespaces of some containers are not seen: "
                f"{self._refused}"
            )
        if self._owners.is_refused:
            yield "the owners of some connections are not known: their files may not be seen"
        lost = sum(namespace.lost for namespace in self._namespaces.values())
        if lost:
            yield "some connections are not told: there were too many at once"
        for namespace in self._namespaces.values():
            namespace.lost = 0
