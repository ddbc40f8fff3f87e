"""UDP as a real probe tells it and the kernel shows it: two namespaces stand for containers."""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.monitoring.boxes import ANSWER, ASK, Box, joined_boxes
from tests.integration.monitoring.probes import HOST, by_id
from tests.support import eventually
from tests.support.hosts import missing

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.connections.sockets import Namespace
from orchestrator.monitoring.probe.processes.table import namespace_of
from orchestrator.monitoring.probe.server import Probe
from orchestrator.monitoring.report import Connection, Report


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[tuple[Box, Box]]:
    if reason := missing():
        pytest.skip(reason)
    with joined_boxes(tmp_path) as boxes:
        yield boxes


@pytest.fixture
def probe() -> Iterator[Probe]:
    """A probe that is asked by hand."""
    probe = Probe(ProbeConfig(host_id=HOST, docker_socket="", resolve_names=False))
    yield probe
    probe.close()


def _of(report: Report, *networks: str) -> list[Connection]:
    """Those of UDP, and of TCP, that are with addresses that begin so."""
    return [
        one
        for one in report.connections
        if one.target.rpartition(";")[0].rpartition(";")[2].startswith(networks)
    ]


def _id(pid: int) -> str:
    return f"{HOST};{pid}"


async def _told(probe: Probe, count: int, *networks: str) -> list[Connection]:
    """So many connections, once the processes at both ends are known."""

    def known() -> list[Connection]:
        found = _of(probe.survey.take(time.time()), *networks)
        assert len(found) == count, found
        assert all(one.source_process and one.target_process for one in found), found
        return found

    return await eventually(known)


@pytest.mark.parametrize(
    ("client", "asked", "server", "asking"),
    [
        ("10.98.0.1", "10.98.0.2", "10.98.0.2", "10.98.0.1"),
        ("fd98::1", "fd98::2", "fd98::2", "fd98::1"),
        ("::ffff:10.98.0.1", "::ffff:10.98.0.2", "::ffff:10.98.0.2", "::ffff:10.98.0.1"),
        ("::ffff:10.98.0.1", "::ffff:10.98.0.2", "10.98.0.2", "10.98.0.1"),
    ],
)
async def test_two_connected_sockets_in_two_namespaces_are_one_connection(
    boxes: tuple[Box, Box], probe: Probe, client: str, asked: str, server: str, asking: str
) -> None:
    here, there = boxes
    target = there.hold("SOCK_DGRAM", f"{server}@5000", f"{asking}@40000")
    source = here.hold("SOCK_DGRAM", f"{client}@40000", f"{asked}@5000")
    [one] = await _told(probe, 1, "10.98.", "fd98:")
    assert (one.protocol, one.count, one.rtt_ms) == ("udp", 1, None)
    assert (one.bytes_sent, one.bytes_received) == (0, 0)
    assert one.target == f";{server.removeprefix('::ffff:')};5000/udp"
    assert (one.source_process, one.target_process) == (_id(source), _id(target))


async def test_a_server_that_answers_without_a_connection_is_at_the_other_end(
    boxes: tuple[Box, Box], probe: Probe
) -> None:
    here, there = boxes
    server = there.start("ready", sys.executable, "-c", ANSWER)
    client = here.start("ready", sys.executable, "-c", ASK, "10.98.0.2")
    [one] = await _told(probe, 1, "10.98.")
    assert (one.protocol, one.target) == ("udp", ";10.98.0.2;53/udp")
    assert (one.source_process, one.target_process) == (_id(client.pid), _id(server.pid))
    nodes = by_id(probe.survey.take(time.time()), "endpoint")
    [listener] = [
        each
        for each in nodes.values()
        if each.parents.get("process") == [_id(server.pid)] and each.id.endswith(";::;53/udp")
    ]
    assert listener.latest == {"protocol": "udp"}


async def test_on_loopback_too_and_only_in_its_own_namespace(
    boxes: tuple[Box, Box], probe: Probe
) -> None:
    here, there = boxes
    servers = [box.start("ready", sys.executable, "-c", ANSWER) for box in boxes]
    clients = [box.start("ready", sys.executable, "-c", ASK, "127.0.0.1") for box in boxes]

    def pairs() -> bool:
        found = _of(probe.survey.take(time.time()), "127.")
        ours = {_id(each.pid) for each in clients}
        told = {(one.source_process, one.target_process) for one in found}
        return {each for each in told if each[0] in ours} == {
            (_id(client.pid), _id(server.pid))
            for client, server in zip(clients, servers, strict=True)
        }

    await eventually(pairs)
    assert sum(here.shown().values()) == sum(there.shown().values()) == 1


async def test_a_server_of_tcp_and_one_of_udp_on_one_port_are_two(
    boxes: tuple[Box, Box], probe: Probe
) -> None:
    here, there = boxes
    servers = [there.hold(kind, "0.0.0.0@53") for kind in ("SOCK_STREAM", "SOCK_DGRAM")]
    clients = [
        here.hold(kind, "0.0.0.0@0", "10.98.0.2@53") for kind in ("SOCK_STREAM", "SOCK_DGRAM")
    ]
    found = {one.protocol: one for one in await _told(probe, 2, "10.98.")}
    told = {
        (protocol, one.target, one.source_process, one.target_process)
        for protocol, one in found.items()
    }
    assert told == {
        ("tcp", ";10.98.0.2;53", _id(clients[0]), _id(servers[0])),
        ("udp", ";10.98.0.2;53/udp", _id(clients[1]), _id(servers[1])),
    }
    nodes = by_id(probe.survey.take(time.time()), "endpoint").values()
    listening = {
        each.latest["protocol"]: each.parents["process"]
        for each in nodes
        if each.parents.get("process", [""])[0] in map(_id, servers)
    }
    assert listening == {"tcp": [_id(servers[0])], "udp": [_id(servers[1])]}


async def test_what_is_told_is_what_the_kernel_shows_no_more_no_less(
    boxes: tuple[Box, Box], probe: Probe
) -> None:
    here, there = boxes
    there.start("ready", sys.executable, "-c", ANSWER)
    for port in (40001, 40002, 40003):
        here.hold("SOCK_DGRAM", f"10.98.0.1@{port}", "10.98.0.2@53")
    here.hold("SOCK_DGRAM", "fd98::1@40001", "fd98::2@53")
    here.hold("SOCK_DGRAM", "::@0")  # a client that is not connected
    there.hold("SOCK_DGRAM", "10.98.0.2@40000", "10.98.0.1@5000")
    there.hold("SOCK_DGRAM", "10.98.0.2@40009", "10.98.0.77@5000")  # nobody is there
    here.hold("SOCK_DGRAM", "10.98.0.1@5000", "10.98.0.2@40000")
    shown = here.shown() + there.shown()
    assert shown.total() == 7
    expected = Counter(
        (f";{mine.split()[0]};", f";{other.replace(' ', ';')}/udp")
        for mine, other in shown.elements()
        if not mine.endswith(" 5000")  # the server's socket of a connection that has two
    )

    def same() -> bool:
        told: Counter[tuple[str, str]] = Counter()
        for one in _of(probe.survey.take(time.time()), "10.98.", "fd98:"):
            told[one.source, one.target] += one.count
        return told == expected

    await eventually(same)
    assert expected.total() == 6


async def _ready(probe: Probe, port: int) -> None:
    def listens() -> bool:
        nodes = by_id(probe.survey.take(time.time()), "endpoint")
        return any(id.endswith(f";127.0.0.1;{port}/udp") for id in nodes)

    await eventually(listens)


async def test_those_that_lived_between_two_reports_are_told_once(probe: Probe) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        await _ready(probe, port)
        for _ in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(server.getsockname())
                client.send(b"who")
        told: list[Connection] = []

        def all_are() -> bool:  # the kernel says it a little later
            told.extend(_to(probe, port))
            return sum(one.closed for one in told) >= 20

        await eventually(all_are)
        told.extend(_to(probe, port))
    assert (sum(one.closed for one in told), sum(one.count for one in told)) == (20, 0)


async def test_one_that_is_closed_is_told_as_closed_once(probe: Probe) -> None:
    """Also if the kernel says so only after it has left it out of its list."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        for client in clients:
            client.connect(server.getsockname())
        assert sum(one.count for one in _to(probe, port)) == 20
        for client in clients:
            client.close()
        closed = [sum(one.closed for one in _to(probe, port)) for _ in range(10)]
    assert closed == [20, *[0] * 9]


def _to(probe: Probe, port: int) -> list[Connection]:
    found = probe.survey.take(time.time()).connections
    return [one for one in found if one.target.endswith(f";127.0.0.1;{port}/udp")]


async def test_a_socket_that_is_connected_anew_is_another_connection(probe: Probe) -> None:
    with ExitStack() as stack:
        first, second, client = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)
        ]
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (first, second)]

        def told() -> list[tuple[int, int]]:
            found = probe.survey.take(time.time()).connections
            return [
                (sum(one.count for one in those), sum(one.closed for one in those))
                for those in (
                    [one for one in found if one.target.endswith(f";127.0.0.1;{port}/udp")]
                    for port in ports
                )
            ]

        client.connect(first.getsockname())
        assert told() == [(1, 0), (0, 0)]
        client.connect(second.getsockname())
        assert told() == [(0, 1), (1, 0)]
        assert told() == [(0, 0), (1, 0)]


def test_a_socket_that_looks_up_a_route_is_no_connection() -> None:
    namespace = Namespace(namespace_of("/proc/self/ns/net"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", 0))
        port = asking.getsockname()[1]
        namespace.refresh()
        assert port not in _ports(namespace)
    namespace.drain()
    assert port not in _ports(namespace)
    namespace.close()


def _ports(namespace: Namespace) -> list[int]:
    known = namespace.known.values()
    return [one.ends.port for one in known if one.protocol == "udp"]
