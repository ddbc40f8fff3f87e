"""The network namespaces of the machine and its containers, and whose their addresses are."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.sockets import Namespace
from orchestrator.monitoring.probe.kernel.addresses import (
    Scopes,
    bridged_networks,
    read_addresses,
)
from orchestrator.monitoring.probe.kernel.namespaces import inside
from orchestrator.monitoring.probe.processes.table import namespace_of
from orchestrator.monitoring.probe.roles import Setup

MAX_NAMESPACES = 1000


class Spaces:
    """All of them, by inode; each is entered once, and again when its addresses are asked for."""

    def __init__(self, setup: Setup) -> None:
        self.home = namespace_of("/proc/self/ns/net")
        self.containers: dict[int, str] = {}
        """Containers that have one for themselves."""
        self.scopes = Scopes(setup.host_id)
        self.own: frozenset[str] = frozenset()
        """The machine's addresses."""
        self.refused = ""
        """Why some of them could not be entered."""
        self._setup = setup
        self._opened: dict[int, Namespace] = {}
        self._paths: dict[int, str] = {}
        self._addresses: dict[int, frozenset[str]] = {}

    def __iter__(self) -> Iterator[Namespace]:
        """The machine's own first."""
        return iter(self._opened.values())

    def close(self) -> None:
        """Close what is open."""
        for namespace in self:
            namespace.close()

    def sockets(self) -> Iterator[Known]:
        """Those that are connected, of all namespaces."""
        for namespace in self:
            yield from namespace.known.values()

    def listeners(self) -> Iterator[Known]:
        """Those that may be asked, of all namespaces."""
        for namespace in self:
            yield from namespace.listeners.values()

    def refresh(self) -> list[Known]:
        """Open what is new; gives the sockets of namespaces that are no more."""
        self._addresses = {}
        self.scopes = self._read_scopes()
        self._find()
        gone = [self._opened.pop(inode) for inode in self._opened.keys() - self._paths.keys()]
        for namespace in gone:
            namespace.close()
        self.refused = ""
        for inode in [each for each in self._paths if each not in self._opened][:MAX_NAMESPACES]:
            if len(self._opened) < MAX_NAMESPACES:
                self._open(inode)
        return [known for namespace in gone for known in namespace.known.values()]

    def has(self, namespace: int, ip: str) -> bool:
        """Whether a namespace has an address now."""
        found = self._addresses.get(namespace)
        if found is None:
            found = self._addresses[namespace] = self._read_addresses(namespace)
        return ip in found

    def _read_addresses(self, namespace: int) -> frozenset[str]:
        path = self._paths[namespace]
        try:
            found = inside(path, read_addresses) if path else read_addresses()
        except OSError:
            return frozenset()  # it has ended meanwhile
        return frozenset(each.ip for each in found)

    def _read_scopes(self) -> Scopes:
        try:
            addresses = read_addresses()
            networks = bridged_networks(addresses, self._setup.config.sys)
        except OSError:
            return self.scopes
        self.own = frozenset(each.ip for each in addresses)
        return Scopes(self._setup.host_id, networks)

    def _find(self) -> None:
        table = self._setup.table
        self._paths = {self.home: ""}
        containers: dict[int, set[str]] = {}
        for process in table:
            inode = process.namespace
            if inode:
                self._paths.setdefault(inode, f"{table.proc}/{process.pid}/ns/net")
                containers.setdefault(inode, set()).add(process.container)
        self.containers = {
            inode: next(iter(found))
            for inode, found in containers.items()
            if len(found) == 1 and inode != self.home
        }

    def _open(self, inode: int) -> None:
        path = self._paths[inode]
        try:
            self._opened[inode] = (
                inside(path, lambda: Namespace(inode)) if path else Namespace(inode)
            )
        except FileNotFoundError:
            return  # the process has ended meanwhile
        except OSError as error:
            self.refused = error.strerror or str(error)
