"""Configurations, requests and results of CNI."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.network import builtin
from orchestrator.agent.adapters.network.cni import requests, results
from orchestrator.agent.adapters.network.cni.config import CniError, collect, parse
from orchestrator.agent.adapters.network.cni.requests import Joining, Rates
from orchestrator.mesos.types import IPAddress, Label, Labels, NetworkInfo, NetworkPortMapping

LIST = {
    "cniVersion": "1.0.0",
    "name": "net",
    "plugins": [
        {"type": "bridge", "odd": {"kept": [1, None]}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
FIELDS = ["name", "type", "cniVersion", "plugins", "capabilities", "args", "onlyFor"]
VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.integers(), st.text(max_size=9), st.lists(st.just({}), max_size=3)
)
INFO = NetworkInfo(
    name="net",
    port_mappings=[NetworkPortMapping(host_port=31000, container_port=80, protocol="UDP")],
    labels=Labels(labels=[Label(key="app", value="web")]),
)
JOINING = Joining(container_id="c1", namespace="/ns", interface="eth0", info=INFO)


def given_to(number: int, joining: Joining = JOINING, previous: bytes | None = None) -> dict:  # type: ignore[type-arg]
    network = parse(json.dumps(LIST))
    told: dict = json.loads(  # type: ignore[type-arg]
        requests.stdin(network, network.plugins[number], joining, previous)
    )
    return told


class TestConfigurations:
    def test_a_list_has_its_plug_ins_in_order(self) -> None:
        network = parse(json.dumps(LIST))
        assert [plugin.type for plugin in network.plugins] == ["bridge", "portmap"]
        assert network.maps_ports and not network.can("bandwidth")

    def test_a_single_plug_in_is_a_network_too_of_the_oldest_version_if_it_names_none(self) -> None:
        network = parse('{"name": "n", "type": "macvlan"}')
        assert [plugin.type for plugin in network.plugins] == ["macvlan"]
        assert network.version == "0.1.0"

    def test_mesos_own_port_mapper_maps_ports(self) -> None:
        assert parse('{"name": "n", "type": "mesos-cni-port-mapper"}').maps_ports

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("{", "not a network configuration"),
            ("[]", "not a network configuration"),
            ('{"name": "n"}', "'' cannot be the type"),
            ('{"name": "n", "type": "../sh"}', "'../sh' cannot be the type"),
            ('{"name": "", "type": "t"}', "'' cannot be the name"),
            ('{"name": "n", "plugins": []}', "0 plug-ins"),
            ('{"name": "n", "type": "t", "cniVersion": "9"}', "does not speak version '9'"),
            ("[" * 100_000, "not a network configuration"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, complaint: str) -> None:
        with pytest.raises(CniError, match=complaint):
            parse(text)

    @given(st.text(max_size=50) | st.dictionaries(st.sampled_from(FIELDS), VALUES).map(json.dumps))
    def test_no_file_brings_the_agent_down(self, text: str) -> None:
        networks = collect([("a.conf", text), ("b.conflist", json.dumps(LIST))])
        assert "net" in networks.known

    def test_the_first_of_a_name_counts_and_a_broken_file_is_told_of(self) -> None:
        networks = collect(
            [
                ("a", '{"name": "n", "type": "one"}'),
                ("b", '{"name": "n", "type": "two"}'),
                ("c", ""),
            ]
        )
        assert networks.named("n").plugins[0].type == "one"
        with pytest.raises(CniError, match=r"no network 'x' \(it has: n; c is left out"):
            networks.named("x")

    def test_a_plug_in_for_what_is_not_asked_for_is_left_out(self) -> None:
        network = parse(builtin.overlay("o", IPv4Network("9.0.1.0/24"), 1450))
        types = [plugin.type for plugin in network.for_those_asking({"bandwidth"}).plugins]
        assert types == ["bridge", "firewall", "bandwidth"]
        whole = network.for_those_asking({"bandwidth", "portMappings"})
        assert whole is network


class TestRequests:
    def test_a_plug_in_gets_what_the_operator_wrote(self) -> None:
        told = given_to(0)
        assert told["odd"] == {"kept": [1, None]}
        assert (told["name"], told["cniVersion"]) == ("net", "1.0.0")

    def test_capabilities_are_told_only_to_those_that_have_them(self) -> None:
        assert "runtimeConfig" not in given_to(0)
        mapping = {"hostPort": 31000, "containerPort": 80, "protocol": "udp"}
        assert given_to(1)["runtimeConfig"] == {"portMappings": [mapping]}

    def test_the_result_before_is_passed_on_as_it_was(self) -> None:
        assert "prevResult" not in given_to(0)
        assert given_to(1, previous=b'{"ips": [], "x": 1}')["prevResult"] == {"ips": [], "x": 1}

    def test_mesos_part_is_added_to_the_operator_s_args(self) -> None:
        network = parse('{"name": "n", "type": "t", "args": {"mine": 1}}')
        told = json.loads(requests.stdin(network, network.plugins[0], JOINING, None))
        assert told["args"]["mine"] == 1
        assert told["args"]["org.apache.mesos"]["network_info"]["name"] == "net"

    def test_an_address_asked_for_goes_into_the_arguments(self) -> None:
        info = NetworkInfo(name="net", ip_addresses=[IPAddress(ip_address="10.0.0.9")])
        joining = Joining(container_id="c", namespace="", interface="eth0", info=info)
        environment = requests.environment(joining, "ADD", "/a:/b")
        assert environment["CNI_ARGS"] == "IgnoreUnknown=1;IP=10.0.0.9"
        assert environment["CNI_PATH"] == "/a:/b"

    @given(st.integers(0, 10**12), st.integers(0, 10**12))
    def test_a_burst_is_what_the_plug_in_takes(self, ingress: int, egress: int) -> None:
        told = requests.capabilities(NetworkInfo(), Rates(ingress=ingress, egress=egress))
        bandwidth = told.get("bandwidth", {})
        assert isinstance(bandwidth, dict)
        assert ("ingressRate" in bandwidth) == (ingress > 0)
        bursts = [value for key, value in bandwidth.items() if key.endswith("Burst")]
        assert all(0 < burst < 2**32 for burst in bursts)


class TestResults:
    def test_addresses_of_the_host_s_interfaces_are_not_the_container_s(self) -> None:
        result = results.parse(
            json.dumps(
                {
                    "interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": "/ns"}],
                    "ips": [
                        {"address": "10.0.0.1/24", "interface": 0},
                        {"address": "10.0.0.2/24", "interface": 1},
                        {"address": "fd00::2/64"},
                    ],
                    "dns": {"nameservers": ["10.0.0.1"], "search": ["a.b"]},
                }
            ).encode()
        )
        assert result.addresses == ("10.0.0.2", "fd00::2")
        assert result.dns.nameservers == ("10.0.0.1",)

    def test_the_form_before_version_0_3_is_read(self) -> None:
        old = b'{"ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1"}, "ip6": {"ip": "fd00::2/64"}}'
        assert results.parse(old).addresses == ("10.0.0.2", "fd00::2")

    @pytest.mark.parametrize("answer", [b"", b"[]", b'{"ips": [{"address": "here"}]}', b"\xff"])
    def test_what_is_no_result_is_refused(self, answer: bytes) -> None:
        with pytest.raises(CniError, match="not a result of CNI"):
            results.parse(answer)

    @given(st.binary(max_size=200), st.binary(max_size=200), st.integers(-64, 255))
    def test_a_complaint_is_one_line_whatever_a_plug_in_says(
        self, answer: bytes, errors: bytes, code: int
    ) -> None:
        told = results.complaint(answer, errors, code)
        assert told and "\n" not in told and len(told) < 2000
