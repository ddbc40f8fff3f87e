"""A published port: three network namespaces stand for a client, a host and a container."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from tests.integration.monitoring.probes import HOST, by_id
from tests.support import eventually
from tests.support.hosts import Inside, missing

from orchestrator.agent.adapters.network import namespaces
from orchestrator.monitoring.report import Connection, Report

_SERVE = """
import socket
server = socket.create_server(("0.0.0.0", 80))
print("ready", flush=True)
held = []
while True:
    connection, _ = server.accept()
    connection.recv(5000, socket.MSG_WAITALL)
    connection.sendall(b"x")
    held.append(connection)
"""
_SERVE_UDP = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 80))
print("ready", flush=True)
while True:
    data, client = server.recvfrom(5000)
    server.sendto(b"x", client)
"""
_CONNECT_UDP = """
import signal, socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(30)
client.connect(("10.9.0.1", 8080))
client.send(bytes(500))
client.recv(1)
print("ready", flush=True)
signal.pause()
"""
_CONNECT = """
import signal, socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as connection:
    connection.sendall(bytes(5000))
    connection.recv(1)
    print("ready", flush=True)
    signal.pause()
"""


class Machine:
    """The host, whose port 8080 is the container's 80, and who connects to it."""

    def __init__(self, host: Inside, box: Inside, client: Inside) -> None:
        self.host, self.box, self.client = host, box, client

    def connect(self, *, is_masked: bool) -> None:
        """Publish the port; with ``is_masked``, the container does not see who connects."""
        host, run = self.host, self.host.run
        for other, here, there, network in (
            (self.client, "hc", "cc", "10.9.0"),
            (self.box, "hb", "bb", "172.31.9"),
        ):
            run("ip", "link", "add", here, "type", "veth", "peer", "name", there)
            run("ip", "link", "set", there, "netns", str(other.path))
            run("ip", "address", "add", f"{network}.1/24", "dev", here)
            run("ip", "link", "set", here, "up")
            other.run("ip", "address", "add", f"{network}.2/24", "dev", there)
            other.run("ip", "link", "set", there, "up")
            other.run("ip", "route", "add", "default", "via", f"{network}.1")
        host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        nat = ("iptables", "-t", "nat", "-A")
        for protocol in ("tcp", "udp"):
            publish = ("-p", protocol, "-d", "10.9.0.1", "--dport", "8080")
            run(*nat, "PREROUTING", *publish, "-j", "DNAT", "--to-destination", "172.31.9.2:80")
        if is_masked:
            run(*nat, "POSTROUTING", "-d", "172.31.9.2", "-j", "MASQUERADE")

    def report(self) -> Report:
        """One report of a probe on the host."""
        flags = ("--app", "http://127.0.0.1:1", "--host-id", HOST, "--docker-socket", "", "--once")
        command = (sys.executable, "-m", "orchestrator.cli.main", "probe", *flags)
        return msgspec.json.decode(self.host.run(*command), type=Report)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if reason := missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        made = []
        for name in ("host", "box", "client"):
            namespaces.make(tmp_path / name)
            stack.callback(namespaces.remove, tmp_path / name)
            inside = Inside(tmp_path / name)
            stack.callback(inside.end)
            made.append(inside)
        yield Machine(*made)


@pytest.mark.parametrize("is_masked", [False, True])
async def test_who_connects_to_a_published_port_is_shown_with_the_container_behind_it(
    machine: Machine, is_masked: bool
) -> None:
    machine.connect(is_masked=is_masked)
    server = machine.box.start("ready", sys.executable, "-c", _SERVE)
    client = machine.client.start("ready", sys.executable, "-c", _CONNECT, "10.9.0.1", "8080")

    def told() -> tuple[Report, Connection]:
        report = machine.report()
        [one] = [one for one in report.connections if one.target.endswith(";10.9.0.1;8080")]
        assert one.source_process, one
        assert one.target_process, one
        return report, one

    report, one = await eventually(told)
    assert one.source.endswith(";10.9.0.2;")
    assert one.source_process == f"{HOST};{client.pid}"
    assert one.target_process == f"{HOST};{server.pid}"
    assert (one.bytes_sent, one.bytes_received, one.count) == (5000, 1, 1)
    assert not [each for each in report.connections if each.target.endswith(";172.31.9.2;80")]
    published = by_id(report, "endpoint")[one.target]
    assert published.parents["process"] == [f"{HOST};{server.pid}"]


@pytest.mark.parametrize("is_masked", [False, True])
async def test_a_published_port_of_udp_is_shown_with_who_answers_behind_it(
    machine: Machine, is_masked: bool
) -> None:
    machine.connect(is_masked=is_masked)
    server = machine.box.start("ready", sys.executable, "-c", _SERVE_UDP)
    client = machine.client.start("ready", sys.executable, "-c", _CONNECT_UDP)

    def told() -> tuple[Report, Connection]:
        report = machine.report()
        [one] = [one for one in report.connections if one.target.endswith(";10.9.0.1;8080/udp")]
        assert one.source_process, one
        assert one.target_process, one
        return report, one

    report, one = await eventually(told)
    assert (one.protocol, one.count) == ("udp", 1)
    assert one.source_process == f"{HOST};{client.pid}"
    assert one.target_process == f"{HOST};{server.pid}"
    published = by_id(report, "endpoint")[one.target]
    assert published.latest == {"protocol": "udp"}
    assert published.parents["process"] == [f"{HOST};{server.pid}"]


async def test_who_connects_to_an_address_that_no_machine_has_is_shown_with_who_answers(
    machine: Machine,
) -> None:
    """As pods connect to a service of Kubernetes."""
    machine.connect(is_masked=False)
    service = ("-p", "tcp", "-d", "10.96.0.7", "--dport", "80")
    machine.host.run(
        "iptables", "-t", "nat", "-A", "PREROUTING", *service,
        "-j", "DNAT", "--to-destination", "172.31.9.2:80",
    )  # fmt: skip
    server = machine.box.start("ready", sys.executable, "-c", _SERVE)
    client = machine.client.start("ready", sys.executable, "-c", _CONNECT, "10.96.0.7", "80")

    def told() -> tuple[Report, Connection]:
        report = machine.report()
        process = f"{HOST};{client.pid}"
        [one] = [one for one in report.connections if one.source_process == process]
        assert one.target_process, one
        return report, one

    report, one = await eventually(told)
    assert one.target.endswith(";172.31.9.2;80")
    assert one.target_process == f"{HOST};{server.pid}"
    assert not [id for id in by_id(report, "endpoint") if ";10.96.0.7;" in id]
