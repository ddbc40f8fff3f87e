"""Containers on the built-in bridge, with Debian's plug-ins, on a host that is a namespace."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.integration.network.conftest import MakeNetworks
from tests.integration.network.containers import container, exists, joins, names
from tests.support.hosts import Host, Inside

from orchestrator.agent.adapters.network.networks import (
    Attachment,
    ContainerNetworks,
)


def inside(attachment: Attachment) -> Inside:
    assert attachment.namespace is not None
    return Inside(attachment.namespace)


def text_of(path: str) -> str:
    return Path(path).read_text()


async def test_two_containers_reach_each_other_and_the_host_reaches_both(
    networks: ContainerNetworks, host: Host
) -> None:
    first = await networks.attach(container("c1", joins()))
    second = await networks.attach(container("c2", joins()))
    server = inside(first)
    try:
        server.serve(80)
        assert inside(second).ask(first.ip_addresses[0], 80) == second.ip_addresses[0]
        assert host.ask(first.ip_addresses[0], 80) == "10.214.0.1"
    finally:
        server.end()
        await networks.detach("c1")
        await networks.detach("c2")


async def test_a_host_port_leads_to_the_containers_port(
    networks: ContainerNetworks, host: Host
) -> None:
    one = await networks.attach(container("c1", joins(ports=[(31005, 80)])))
    server = inside(one)
    try:
        server.serve(80)
        assert host.ask("127.0.0.1", 31005) is not None
        assert host.ask("127.0.0.1", 31006) is None
        assert server.ask("10.214.0.1", 31005) is not None, "the container reaches itself too"
    finally:
        server.end()
        await networks.detach("c1")
    assert host.ask("127.0.0.1", 31005) is None


async def test_nothing_of_a_container_is_left_when_it_has_left(
    networks: ContainerNetworks, host: Host, directory: Path, tmp_path: Path
) -> None:
    await networks.attach(container("c0", joins(ports=[(31004, 80)])))
    await networks.detach("c0")  # the bridge and the chains that all share are there from now on
    devices, rules = host.devices(), host.rules()
    limits = {"network_egress_mbits": "10", "network_ingress_mbits": "10"}
    attached = await networks.attach(container("c1", joins(ports=[(31005, 80)], labels=limits)))
    assert len(host.devices()) > len(devices) and len(host.rules()) > len(rules)

    await networks.detach("c1")
    await networks.detach("c1")  # no harm
    assert host.devices() == devices
    assert host.rules() == rules
    assert attached.namespace and not exists(attached.namespace)
    assert names(directory) == []
    assert names(tmp_path / "addresses" / "mesos-bridge", "10.*") == []


async def test_attaching_again_changes_nothing(networks: ContainerNetworks) -> None:
    first = await networks.attach(container("c1", joins()))
    try:
        assert await networks.attach(container("c1", joins())) == first
    finally:
        await networks.detach("c1")


async def test_a_container_knows_its_name_and_how_names_are_resolved(
    networks: ContainerNetworks,
) -> None:
    attached = await networks.attach(container("c1", joins(), hostname="web"))
    try:
        files = {target: text_of(source) for source, target in attached.mounts}
        assert f"{attached.ip_addresses[0]} web\n" in files["/etc/hosts"]
        assert files["/etc/hostname"] == "web\n"
        assert "127.0.0." not in files["/etc/resolv.conf"]
    finally:
        await networks.detach("c1")


async def test_a_container_without_networks_is_on_the_hosts(
    networks: ContainerNetworks, directory: Path
) -> None:
    attached = await networks.attach(container("c1"))
    assert attached.namespace is None and attached.ip_addresses == ()
    await networks.detach("c1")
    assert not exists(directory)


async def test_the_next_agent_detaches_what_the_last_one_left(
    make_networks: MakeNetworks, host: Host, directory: Path
) -> None:
    before = make_networks()
    await before.attach(container("c0", joins()))
    await before.detach("c0")
    devices = host.devices()
    await before.attach(container("lives", joins(ports=[(31001, 80)])))
    await before.attach(container("ended", joins(ports=[(31002, 80)])))

    after = make_networks()
    await after.recover({"lives"})
    assert names(directory) == ["lives"]
    await after.detach("lives")
    assert host.devices() == devices


async def test_a_task_group_shares_one_network_until_its_last_member_has_ended(
    networks: ContainerNetworks, host: Host, directory: Path
) -> None:
    member = container("m1", joins(), parent_id="group")
    first, second = await asyncio.gather(
        networks.attach(member), networks.attach(container("m2", parent_id="group", hostname="x"))
    )
    assert first == second and len(first.ip_addresses) == 1
    await networks.detach("m1")
    assert exists(first.namespace or "")
    inside(second).run("ip", "-br", "address", "show", "eth0")
    await networks.detach("m2")
    assert names(directory) == []


async def test_a_launch_that_is_given_up_half_way_leaves_nothing(
    networks: ContainerNetworks, host: Host, directory: Path
) -> None:
    await networks.attach(container("c0", joins(ports=[(31004, 80)])))
    await networks.detach("c0")
    devices, rules = host.devices(), host.rules()
    for delay_s in (0.0, 0.001, 0.01, 0.05, 0.1, 0.2):
        joining = asyncio.create_task(networks.attach(container("c1", joins(ports=[(31005, 80)]))))
        await asyncio.sleep(delay_s)
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        await networks.detach("c1")
        assert names(directory) == []
    assert host.devices() == devices
    assert host.rules() == rules
