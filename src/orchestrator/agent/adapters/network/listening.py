"""Which processes listen on which TCP ports of the host, and the watch that ends strays.

The kernel lists the sockets that listen (sock_diag, so that connections cost nothing), and the
descriptors of a container's processes say which of them are its own. Nothing can be caught at once:
a stray is ended within ``interval_s``. What a container that shares the host's network listens on
is compared with the ports it was given (``core.ports``).

Source: sock_diag(7); docs/isolators/network-ports.md of Apache Mesos.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from orchestrator.agent.adapters.network import netlink_wire as wire
from orchestrator.agent.core import ports
from orchestrator.agent.core.task import Container
from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import EMPTY, ResourceError, Resources

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_LISTEN = 1 << 10
_REQUEST = struct.Struct("=BBBxI48x")  # family, protocol, extensions, states, id
_PORT_AT, _INODE_AT, _ANSWER_BYTES = 4, 68, 72
_DATAGRAM_BYTES = 1 << 17
_TIMEOUT_S = 5.0
logger = logging.getLogger(__name__)

Members = Callable[[], Mapping[str, Collection[int]]]


def listeners() -> dict[int, int]:
    """The port of each TCP socket of this network namespace that listens, by inode.

    Raises OSError.
    """
    found: dict[int, int] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as asked:
        asked.settimeout(_TIMEOUT_S)
        for family in (socket.AF_INET, socket.AF_INET6):
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _LISTEN)
            message = wire.NetlinkMessage(_BY_FAMILY, wire.REQUEST | wire.DUMP, family, body)
            asked.send(wire.encode(message))
            found.update(_answers(asked))
    return found


def _answers(asked: socket.socket) -> Iterator[tuple[int, int]]:
    while True:
        for message in wire.decode(asked.recv(_DATAGRAM_BYTES)):
            if message.type == wire.DONE:
                return
            if message.type == wire.ERROR:
                wire.raise_error(message.body)
                return
            if len(message.body) >= _ANSWER_BYTES:
                (port,) = struct.unpack_from("!H", message.body, _PORT_AT)
                (inode,) = struct.unpack_from("=I", message.body, _INODE_AT)
                yield inode, port


def listened_to(pids: Iterable[int], found: Mapping[int, int]) -> set[int]:
    """The ports that any of the processes listens on, of those ``found``."""
    return {found[inode] for pid in pids for inode in _sockets(pid) if inode in found}


def _sockets(pid: int) -> Iterator[int]:
    """The inodes of a process' sockets; none when it has ended meanwhile."""
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)  # noqa: PTH208
    except OSError:
        return
    for name in names:
        try:
            target = os.readlink(f"{directory}/{name}")  # noqa: PTH115
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(target[8:-1])


class PortWatch:
    """Tells of containers on the host's network that listen on a port which is not theirs.

    ``running`` gives the containers, ``members`` their processes by container id, and ``tell``
    hears the id of a stray and why it has to end. Only ports in ``watched`` count.
    """

    def __init__(
        self,
        watched: ports.Ranges,
        running: Callable[[], Iterable[Container]],
        members: Members,
        tell: Callable[[str, str], None],
    ) -> None:
        self._watched = watched
        self._running = running
        self._members = members
        self._tell = tell

    async def run(self, interval_s: float) -> None:
        """Look every so often, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.look()

    async def look(self) -> None:
        """Look once."""
        containers = [one for one in self._running() if not ports.joined(one.info)]
        try:
            strays = await asyncio.to_thread(self._strays, containers)
        except OSError as error:
            logger.error("it cannot be seen who listens on which port: %s", error)
            return
        for container_id, found in strays.items():
            self._tell(container_id, ports.limit_message(found))

    def _strays(self, containers: list[Container]) -> dict[str, list[int]]:
        found = {i: port for i, port in listeners().items() if ports.is_within(port, self._watched)}
        if not found or not containers:
            return {}
        pids = self._members()
        listening = {one.id: listened_to(pids.get(one.id, ()), found) for one in containers}
        return ports.strays(listening, _own(containers), self._watched)


def _own(containers: list[Container]) -> dict[str, ports.Ranges]:
    """What each may listen on: members of a task group share ports and network."""
    shared: dict[str, Resources] = {}
    for one in containers:
        holder = one.parent_id or one.id
        shared[holder] = shared.get(holder, EMPTY) + _resources(one)
    return {one.id: shared[one.parent_id or one.id].ranges("ports") for one in containers}


def _resources(container: Container) -> Resources:
    try:
        return resource_wire.from_wire(container.resources)
    except ResourceError:
        return EMPTY
