"""Two hosts, each a namespace, joined by a cable: containers on the overlay, and the cable cut."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from tests.integration.network.containers import container, joins
from tests.support import eventually, hosts
from tests.support.hosts import Host, Inside

from orchestrator.agent.adapters.network import configurations, namespaces
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.networks import Attachment, ContainerNetworks
from orchestrator.agent.adapters.network.overlay import addresses
from orchestrator.agent.adapters.network.overlay.connection import OverlayConnection

OVERLAY = addresses.parse("overlay", "10.215.0.0/16", 24, 4789)
PEERS = {1: "10.216.0.1", 2: "10.216.0.2"}

_ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 5000))
print("ready", flush=True)
while True:
    data, peer = server.recvfrom(65536)
    server.sendto(data, peer)
"""
_SEND = """
import socket, sys
IP_MTU_DISCOVER, NEVER_IN_PIECES = 10, 2
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, NEVER_IN_PIECES)
client.settimeout(2)
client.sendto(bytes(int(sys.argv[2])), (sys.argv[1], 5000))
print(len(client.recv(65536)))
"""


class Machine:
    """A host with an agent's share of the overlay on it."""

    def __init__(self, number: int, host: Host, directory: Path) -> None:
        self.number, self.host = number, host
        self.address = f"10.216.0.{number}"
        self.connection = OverlayConnection(
            OVERLAY, IPv4Address(self.address), directory, directory / "cni", host.path
        )
        read = partial(configurations.read, [directory / "cni"])
        self.networks = ContainerNetworks(directory / "containers", read, Plugins([host.plugins]))

    async def container(self, name: str, ports: list[tuple[int, int]] | None = None) -> Attachment:
        return await self.networks.attach(container(name, joins("overlay", ports=ports or [])))


@pytest.fixture
async def machines(tmp_path: Path) -> AsyncIterator[tuple[Machine, Machine]]:
    if (reason := hosts.missing()) is not None:
        pytest.skip(reason)
    async with AsyncExitStack() as stack:
        first, second = (
            stack.enter_context(machine_in(tmp_path / str(number), number)) for number in (1, 2)
        )
        first.host.run(
            "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
            "netns", str(second.host.path),
        )  # fmt: skip
        for one in (first, second):
            one.host.run("ip", "address", "add", f"{one.address}/24", "dev", "eth0")
            one.host.run("ip", "link", "set", "eth0", "up")
        for one in (first, second):
            for name in ("server", "client"):
                stack.push_async_callback(one.networks.detach, name)
            await stack.enter_async_context(running(one))
        yield first, second


@contextmanager
def machine_in(directory: Path, number: int) -> Iterator[Machine]:
    directory.mkdir()
    with hosts.host(directory) as host:
        yield Machine(number, host, directory)
    for left in directory.glob("containers/*/netns"):
        namespaces.remove(left)


@asynccontextmanager
async def running(machine: Machine) -> AsyncIterator[None]:
    task = asyncio.create_task(machine.connection.run())
    machine.connection.configure(machine.number, PEERS)
    try:
        await eventually(lambda: machine.connection.problem is None)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_containers_of_two_hosts_reach_each_other_under_their_own_addresses(
    machines: tuple[Machine, Machine],
) -> None:
    first, second = machines
    server = await first.container("server", ports=[(31000, 80)])
    client = await second.container("client")
    inside_server, inside_client = Inside(server.namespace or ""), Inside(client.namespace or "")
    try:
        inside_server.serve(80)
        assert inside_client.ask(server.ip_addresses[0], 80) == client.ip_addresses[0]
        assert second.host.ask(server.ip_addresses[0], 80) == "10.215.2.0", "a host has an address"
        assert inside_client.ask(first.address, 31000) is not None, "and by the mapped port"
        assert second.host.ask(first.address, 31000) == "10.216.0.2"
    finally:
        inside_server.end()


async def test_large_packets_fit_through_whole(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    server, client = await first.container("server"), await second.container("client")
    inside_server, inside_client = Inside(server.namespace or ""), Inside(client.namespace or "")
    assert "mtu 1450" in inside_client.run("ip", "-o", "link", "show", "eth0")
    try:
        inside_server.start("ready", sys.executable, "-S", "-c", _ECHO)
        words = (sys.executable, "-S", "-c", _SEND, server.ip_addresses[0], str(1450 - 28))
        assert inside_client.run(*words).strip() == "1422"
    finally:
        inside_server.end()


@pytest.mark.parametrize("cut_at_home", [True, False], ids=["own end", "other end"])
async def test_a_cut_cable_is_seen_and_all_is_well_when_it_is_back(
    machines: tuple[Machine, Machine], cut_at_home: bool
) -> None:
    first, second = machines
    server, client = await first.container("server"), await second.container("client")
    inside_server, inside_client = Inside(server.namespace or ""), Inside(client.namespace or "")
    inside_server.serve(80)
    ask = partial(inside_client.ask, server.ip_addresses[0], 80, 1.0)
    try:
        assert ask() is not None
        cut = first.host if cut_at_home else second.host
        cut.run("ip", "link", "set", "eth0", "down")
        await eventually(lambda: "no link" in (first.connection.problem or ""))
        assert ask() is None
        cut.run("ip", "link", "set", "eth0", "up")
        await eventually(lambda: first.connection.problem is None)
        await eventually(ask)
    finally:
        inside_server.end()


async def test_what_somebody_removes_is_put_right(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    server, client = await first.container("server"), await second.container("client")
    inside_server, inside_client = Inside(server.namespace or ""), Inside(client.namespace or "")
    inside_server.serve(80)
    ask = partial(inside_client.ask, server.ip_addresses[0], 80, 1.0)
    try:
        second.host.run("ip", "link", "delete", OVERLAY.device)  # is noticed at once
        await eventually(ask)
        second.host.run("ip", "route", "delete", "10.215.1.0/24")  # with the next look
        assert ask() is None
        await second.connection.reconcile()
        assert ask() is not None
    finally:
        inside_server.end()


async def test_peers_that_go_are_forgotten(machines: tuple[Machine, Machine]) -> None:
    first, _ = machines
    assert "10.215.2.0/24" in first.host.run("ip", "route")
    first.connection.configure(1, {1: first.address})
    await eventually(lambda: "10.215.2.0/24" not in first.host.run("ip", "route"))
    assert first.host.run("bridge", "fdb", "show", "dev", OVERLAY.device).count("dst") == 0
