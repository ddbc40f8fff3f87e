"""What a container asks of its networks, and what of it cannot be had."""

from __future__ import annotations

import pytest
from tests.integration.network.containers import container, joins

from orchestrator.agent.adapters.network import wanted
from orchestrator.agent.adapters.network.cni.config import CniError, collect
from orchestrator.agent.adapters.network.cni.requests import Rates
from orchestrator.agent.adapters.network.planning import record_of
from orchestrator.agent.core import ports
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import NetworkInfo

PLAIN = collect([("a", '{"name": "plain", "type": "bridge"}')])


def test_networks_without_a_name_are_the_host_s() -> None:
    assert wanted.of(container("c", NetworkInfo())).networks == ()


def test_members_of_a_group_have_the_network_of_their_parent() -> None:
    assert wanted.of(container("m", parent_id="p")).holder == "p"
    assert wanted.of(container("m")).holder == "m"


@pytest.mark.parametrize(
    ("networks", "complaint"),
    [
        ([joins("a"), joins("a")], "'a' once only"),
        ([joins(f"n{i}") for i in range(17)], "16 networks, not 17"),
        ([joins(ports=[(80, 80)])], "Host port 80 is not among the task's resources"),
        ([joins(ports=[(31000, 0)])], "0 cannot be the port"),
        ([joins(ports=[(31000, 70000)])], "70000 cannot be the port"),
        (
            [joins(labels={"network_egress_mbits": "fast"})],
            "must be a number of Mbit/s, not 'fast'",
        ),
        ([joins(labels={"network_egress_mbits": "-1"})], "must be a number of Mbit/s"),
        ([joins(labels={"network_egress_mbits": "nan"})], "must be a number of Mbit/s"),
    ],
)
def test_what_no_agent_can_give_is_refused(networks: list[NetworkInfo], complaint: str) -> None:
    with pytest.raises(CniError, match=complaint):
        wanted.of(container("c", *networks))


@pytest.mark.parametrize("container_id", ["", "../c", "-c", "a b"])
def test_an_id_that_is_no_name_is_refused(container_id: str) -> None:
    with pytest.raises(CniError, match="cannot be the id"):
        wanted.of(container(container_id, joins()))


def test_rates_come_from_the_resource_and_labels_go_before_it() -> None:
    one = container(
        "c", joins(labels={"network_egress_mbits": "5"}), resources="network_bandwidth:20"
    )
    assert wanted.of(one).rates == (Rates(ingress=20_000_000, egress=5_000_000),)


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        (joins("plain", ports=[(31000, 80)]), "The network 'plain' maps no ports"),
        (joins("plain", labels={"network_ingress_mbits": "1"}), "'plain' limits no rates"),
        (joins("other"), "This agent has no network 'other'"),
    ],
)
def test_what_a_network_cannot_do_is_not_left_out_in_silence(
    info: NetworkInfo, complaint: str
) -> None:
    with pytest.raises(CniError, match=complaint):
        record_of(wanted.of(container("c", info)), PLAIN)


def test_a_bandwidth_for_scheduling_alone_is_no_reason_to_refuse() -> None:
    one = container("c", joins("plain"), resources="network_bandwidth:20")
    assert record_of(wanted.of(one), PLAIN).memberships[0].interface == "eth0"


def test_ports_of_a_group_are_those_of_all_its_tasks() -> None:
    both = resource_wire.parse("ports:[31000-31000, 31005-31005]")
    infos = [joins(ports=[(31000, 80), (31005, 81)])]
    assert ports.mapping_problem(infos, both) is None
    assert ports.mapping_problem(infos, resource_wire.parse("ports:[31000-31000]")) is not None


def test_strays_are_those_on_watched_ports_that_are_not_theirs() -> None:
    listening = {"good": [31000], "bad": [31001, 31002, 80], "none": []}
    own = {"good": [(31000, 31000)], "bad": [(31001, 31001)]}
    assert ports.strays(listening, own, [(31000, 32000)]) == {"bad": [31002]}
    told = ports.limit_message([31002, 31003])
    assert told == "The task listens on ports 31002, 31003, which it has not been given"
