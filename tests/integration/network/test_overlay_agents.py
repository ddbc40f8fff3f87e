"""Two real agents and a master, each on a host that is a namespace, all on one switch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from tests.integration.agent.processes import end_all_below
from tests.integration.network.containers import container, joins
from tests.support import eventually, hosts
from tests.support.hosts import Host, Inside
from tests.system.masters import Process

from orchestrator.agent.adapters.network import configurations
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.networks import ContainerNetworks

MASTER = "10.216.0.10"


class AgentHost:
    """A host with an agent on it, and the networks of containers there."""

    def __init__(self, host: Host, directory: Path, number: int) -> None:
        self.host, self.number, self.address = host, number, f"10.216.0.{number}"
        self.configs = directory / "data/network/cni"
        self.process = Process(
            directory, "agent", "agent", "--master", f"{MASTER}:5050", "--host", self.address,
            "--data-dir", str(directory / "data"), "--docker-socket", "",
            "--overlay-network", "10.215.0.0/16", prefix=host.entered(),
        )  # fmt: skip
        self.networks = ContainerNetworks(
            directory / "containers",
            partial(configurations.read, [self.configs]),
            Plugins([host.plugins]),
        )

    @property
    def subnet(self) -> str | None:
        """What the agent has configured for its containers."""
        file = self.configs / "overlay.conflist"
        if not file.exists():
            return None
        plugin = json.loads(file.read_text())["plugins"][0]
        return str(plugin["ipam"]["ranges"][0][0]["subnet"])

    def knows_the_way_to(self, other: AgentHost) -> bool:
        return other.subnet is not None and other.subnet in self.host.run("ip", "route")

    async def container(self, name: str) -> tuple[Inside, str]:
        attached = await self.networks.attach(container(name, joins("overlay", [(31000, 80)])))
        return Inside(attached.namespace or ""), attached.ip_addresses[0]


class Site:
    """The master and the agents."""

    def __init__(self, master: Process, first: AgentHost, second: AgentHost) -> None:
        self.master, self.first, self.second = master, first, second

    def is_connected(self) -> bool:
        return self.first.knows_the_way_to(self.second) and self.second.knows_the_way_to(self.first)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    if (reason := hosts.missing()) is not None:
        pytest.skip(reason)
    async with AsyncExitStack() as stack:
        made = [stack.enter_context(hosts.host(_directory(tmp_path, name))) for name in "sm12"]
        switch, for_master, *for_agents = made
        switch.run("ip", "link", "add", "switch", "type", "bridge")
        switch.run("ip", "link", "set", "switch", "up")
        _plug(switch, for_master, "m", MASTER)
        master = Process(
            tmp_path / "m", "master", "master", "--host", MASTER,
            "--data-dir", str(tmp_path / "m/data"), prefix=for_master.entered(),
        )  # fmt: skip
        agents = [
            AgentHost(host, tmp_path / str(number), number)
            for number, host in enumerate(for_agents, 1)
        ]
        stack.callback(end_all_below, tmp_path)
        for one in agents:
            _plug(switch, one.host, str(one.number), one.address)
            for name in ("server", "client"):
                stack.push_async_callback(one.networks.detach, name)
            stack.push_async_callback(one.process.kill)
        stack.push_async_callback(master.kill)
        for process in (master, *(one.process for one in agents)):
            await process.start()
        yield Site(master, *agents)


def _directory(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def _plug(switch: Host, host: Host, name: str, address: str) -> None:
    """Connect a host to the switch."""
    switch.run(
        "ip", "link", "add", f"port{name}", "type", "veth", "peer", "name", "eth0",
        "netns", str(host.path),
    )  # fmt: skip
    switch.run("ip", "link", "set", f"port{name}", "master", "switch", "up")
    host.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        host.run("ip", "link", "set", device, "up")


async def test_containers_of_two_agents_reach_each_other_whatever_happens_to_the_rest(
    site: Site,
) -> None:
    first, second = site.first, site.second
    await eventually(site.is_connected, 30)
    assert {first.subnet, second.subnet} == {"10.215.1.0/24", "10.215.2.0/24"}
    server, address = await first.container("server")
    client, own = await second.container("client")
    server.serve(80)
    ask = partial(client.ask, address, 80, 1.0)
    try:
        assert ask() == own
        assert client.ask(first.address, 31000) is not None, "by the mapped port"

        second.host.run("ip", "link", "set", "eth0", "down")
        await eventually(lambda: "eth0 has no link" in second.process.log.read_text())
        assert ask() is None
        second.host.run("ip", "link", "set", "eth0", "up")
        await eventually(ask)

        await site.master.kill()
        subnet = first.subnet
        await first.process.kill()
        assert ask() == own, "neither master nor agent is needed for it"
        await site.master.start()
        await first.process.start()
        first.host.run("ip", "route", "delete", str(second.subnet))
        await eventually(site.is_connected, 45)
        assert first.subnet == subnet
        assert ask() == own
    finally:
        server.end()


async def test_an_agent_that_gives_the_overlay_up_leaves_nothing_of_it(site: Site) -> None:
    await eventually(site.is_connected, 30)
    await site.second.process.stop()
    assert any(name.startswith("orv-") for name in site.second.host.devices()), "it may come back"
    site.second.process = Process(
        site.second.configs.parents[2], "agent", "agent", "--master", f"{MASTER}:5050",
        "--host", site.second.address, "--docker-socket", "",
        "--data-dir", str(site.second.configs.parents[1]), prefix=site.second.host.entered(),
    )  # fmt: skip
    await site.second.process.start()
    await eventually(lambda: site.second.subnet is None)
    await eventually(lambda: not site.first.host.run("ip", "route", "show", "10.215.2.0/24"))
    await eventually(lambda: site.second.host.devices() == ["eth0"])
    await eventually(lambda: "MASQUERADE" not in " ".join(site.second.host.rules()))
    await site.second.process.kill()
