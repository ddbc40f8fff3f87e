"""hosts and resolv.conf, as a container reads them."""

from __future__ import annotations

from orchestrator.agent.adapters.network import etc_files
from orchestrator.agent.adapters.network.cni.results import Dns


def test_a_container_finds_itself_under_each_of_its_addresses() -> None:
    lines = etc_files.hosts("web", ["10.0.0.2", "fd00::2"]).splitlines()
    assert lines[0] == "127.0.0.1 localhost"
    assert lines[-2:] == ["10.0.0.2 web", "fd00::2 web"]
    assert etc_files.hosts("web", []).splitlines()[-1] == "127.0.1.1 web"


def test_networks_that_resolve_names_are_asked_in_their_order() -> None:
    first = Dns(nameservers=("10.0.0.1",), domain="one", search=("a",), options=("ndots:2",))
    text = etc_files.resolv_conf(
        [first, Dns(nameservers=("10.0.1.1",), domain="two", search=("b",))]
    )
    assert text.splitlines() == [
        "domain one",
        "search a b",
        "options ndots:2",
        "nameserver 10.0.0.1",
        "nameserver 10.0.1.1",
    ]
    assert etc_files.resolv_conf([Dns(search=("a",))]) == "", "the host's servers are used"


def test_servers_on_the_host_s_loopback_are_no_use_to_a_container() -> None:
    stub = "search x\nnameserver 127.0.0.53\n"
    real = "nameserver 192.0.2.1\nnameserver ::1\n"
    assert etc_files.of_host([stub, real]) == "nameserver 192.0.2.1\n"
    assert etc_files.of_host(["nameserver 192.0.2.9\n", real]) == "nameserver 192.0.2.9\n"
    assert etc_files.of_host([stub]) == "search x\n"
    assert etc_files.of_host([]) == ""
