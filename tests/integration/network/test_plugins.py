"""Plug-ins that fail, hang, lie or are not there: the task hears why, and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.network.conftest import MakeNetworks
from tests.integration.network.containers import container, exists, joins, names
from tests.support import eventually
from tests.support.hosts import Host, Inside

from orchestrator.agent.adapters.network.networks import ContainerNetworks, NetworkError

Configure = Callable[..., None]


@pytest.fixture
def configure(configured: Path) -> Configure:
    """Writes a network ``odd`` of the plug-ins given."""

    def write(*plugins: dict[str, object], version: str = "1.0.0") -> None:
        document = {"cniVersion": version, "name": "odd", "plugins": plugins}
        (configured / "odd.conflist").write_text(json.dumps(document))

    return write


def plugin(host: Host, name: str, script: str) -> dict[str, object]:
    program = host.plugins / f".{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    host.add_plugin(name, [str(program)])
    return {"type": name}


BRIDGE = {
    "type": "bridge",
    "bridge": "odd0",
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.214.9.0/24"}]]},
}


def with_addresses(tmp_path: Path) -> dict[str, object]:
    return {**BRIDGE, "ipam": {**BRIDGE["ipam"], "dataDir": str(tmp_path / "odd")}}  # type: ignore[dict-item]


async def fails(networks: ContainerNetworks) -> str:
    with pytest.raises(NetworkError) as raised:
        await networks.attach(container("c1", joins("odd")))
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_what_a_plug_in_complains_of_is_told_and_what_was_added_is_taken_back(
    networks: ContainerNetworks, host: Host, directory: Path, configure: Configure, tmp_path: Path
) -> None:
    script = """
    [ "$CNI_COMMAND" = ADD ] || exit 0
    echo '{"cniVersion": "1.0.0", "code": 7, "msg": "no such VLAN", "details": "vlan 12"}'
    exit 1"""
    configure(with_addresses(tmp_path), plugin(host, "bad", script))
    told = "The plug-in 'bad' of network 'odd' failed (ADD): no such VLAN: vlan 12 (code 7)"
    assert await fails(networks) == told
    assert host.devices() == ["odd0"], "the bridge stays, the container's cable is gone"
    assert names(directory) == []
    assert names(tmp_path / "odd" / "odd", "10.*") == []


async def test_a_plug_in_that_says_nothing_is_known_by_its_status_and_last_words(
    networks: ContainerNetworks, host: Host, configure: Configure
) -> None:
    configure(plugin(host, "mute", "echo 'first' >&2; echo 'out of cables' >&2; exit 3"))
    told = await fails(networks)
    assert told.endswith("failed (ADD): it exited with status 3: out of cables")


async def test_a_plug_in_that_hangs_is_ended_with_those_it_called(
    make_networks: MakeNetworks, host: Host, configure: Configure, tmp_path: Path
) -> None:
    hang = f'[ "$CNI_COMMAND" = ADD ] || exit 0; sleep 1000 & echo $! > {tmp_path}/pid; wait'
    configure(plugin(host, "stuck", hang))
    told = await fails(make_networks(timeout_s=0.5))
    assert told.endswith("failed (ADD): it did not end within 0.5 s")
    pid = int((tmp_path / "pid").read_text())
    await eventually(lambda: not exists(f"/proc/{pid}"))


async def test_a_plug_in_that_is_not_there_is_named_with_where_it_was_looked_for(
    networks: ContainerNetworks, host: Host, configure: Configure
) -> None:
    configure({"type": "calico"})
    told = await fails(networks)
    assert told == (
        "The plug-in 'calico' of network 'odd' failed (ADD): "
        f"there is no plug-in 'calico' in {host.plugins}"
    )


async def test_an_answer_without_end_is_cut_off(
    networks: ContainerNetworks, host: Host, configure: Configure
) -> None:
    configure(plugin(host, "chatty", '[ "$CNI_COMMAND" = ADD ] || exit 0; cat /dev/zero'))
    assert "more than 1048576 bytes" in await fails(networks)


async def test_an_answer_that_is_no_result_is_refused(
    networks: ContainerNetworks, host: Host, configure: Configure
) -> None:
    configure(plugin(host, "liar", "echo '[1]'"))
    assert "the answer is not a result of CNI" in await fails(networks)


async def test_a_network_that_is_not_configured_is_named_with_those_that_are(
    networks: ContainerNetworks,
) -> None:
    told = await fails(networks)
    assert told == "This agent has no network 'odd' (it has: mesos-bridge)"


async def test_ports_are_not_left_unmapped_in_silence(
    networks: ContainerNetworks, configure: Configure, tmp_path: Path
) -> None:
    configure(with_addresses(tmp_path))
    with pytest.raises(NetworkError, match="maps no ports"):
        await networks.attach(container("c1", joins("odd", ports=[(31000, 80)])))


async def test_plug_ins_are_told_the_task_s_network_the_way_mesos_tells_it(
    networks: ContainerNetworks, host: Host, configure: Configure, tmp_path: Path
) -> None:
    script = f"cat > {tmp_path}/$CNI_COMMAND; env > {tmp_path}/$CNI_COMMAND.env; echo '{{}}'"
    configure(plugin(host, "spy", script) | {"capabilities": {"portMappings": True}})
    info = joins("odd", ports=[(31000, 80)], labels={"app": "web"})
    await networks.attach(container("c1", info))
    await networks.detach("c1")
    told = json.loads((tmp_path / "ADD").read_text())
    mesos = told["args"]["org.apache.mesos"]["network_info"]
    assert mesos["labels"] == {"labels": [{"key": "app", "value": "web"}]}
    assert mesos["port_mappings"] == [{"host_port": 31000, "container_port": 80}]
    mapping = {"hostPort": 31000, "containerPort": 80, "protocol": "tcp"}
    assert told["runtimeConfig"] == {"portMappings": [mapping]}
    assert "CNI_CONTAINERID=c1" in (tmp_path / "ADD.env").read_text().splitlines()
    assert json.loads((tmp_path / "DEL").read_text())["prevResult"] == {}


@pytest.mark.parametrize("version", ["0.2.0", "0.3.1", "0.4.0", "1.0.0"])
async def test_older_versions_of_configurations_work(
    networks: ContainerNetworks, configured: Path, version: str, tmp_path: Path
) -> None:
    single = {"cniVersion": version, "name": "odd", **with_addresses(tmp_path)}
    single["ipam"] = {
        "type": "host-local", "subnet": "10.214.9.0/24", "dataDir": str(tmp_path / "odd")
    }  # fmt: skip
    (configured / "odd.conf").write_text(json.dumps(single))
    attached = await networks.attach(container("c1", joins("odd")))
    await networks.detach("c1")
    assert attached.ip_addresses == ("10.214.9.2",)


async def test_leaving_is_tried_again_when_a_plug_in_refuses_it(
    networks: ContainerNetworks,
    host: Host,
    configure: Configure,
    directory: Path,
    tmp_path: Path,
) -> None:
    script = f'[ -e {tmp_path}/up ] || [ "$CNI_COMMAND" = ADD ] || exit 1; echo "{{}}"'
    configure(plugin(host, "shy", script))
    await networks.attach(container("c1", joins("odd")))
    await networks.detach("c1")
    assert names(directory) == ["c1"]
    (tmp_path / "up").touch()
    await networks.retry()
    assert names(directory) == []


async def test_a_check_says_what_is_wrong(
    networks: ContainerNetworks, configure: Configure, tmp_path: Path
) -> None:
    configure(with_addresses(tmp_path))
    attached = await networks.attach(container("c1", joins("odd")))
    await networks.check("c1")
    Inside(attached.namespace or "").run("ip", "link", "delete", "eth0")
    with pytest.raises(NetworkError, match=r"plug-in .bridge. of network .odd. failed \(CHECK\)"):
        await networks.check("c1")
    await networks.detach("c1")
