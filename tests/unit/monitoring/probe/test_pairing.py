"""Which sockets are two ends of one connection, and who opened it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.connections.diag import Ends, Seen
from orchestrator.monitoring.probe.connections.grouping import Group, Key
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.listeners import Listeners
from orchestrator.monitoring.probe.connections.pairing import Pairs, Surroundings, opened
from orchestrator.monitoring.probe.connections.translations import Translations
from orchestrator.monitoring.report import Protocol

HOME, BOX, OTHER = 1, 2, 3
HAS = {HOME: {"10.0.0.1"}, BOX: {"172.17.0.2", "fd00::2"}, OTHER: {"172.17.0.3"}}
Address = tuple[str, int]
NOWHERE = ("0.0.0.0", 0)


def _socket(
    here: Address, there: Address = NOWHERE, namespace: int = HOME, protocol: Protocol = "udp"
) -> Known:
    family = socket.AF_INET6 if ":" in here[0] else socket.AF_INET
    there = there if there != NOWHERE or family == socket.AF_INET else ("::", 0)
    ips = [socket.inet_pton(family, ip).ljust(16, b"\0") for ip, _ in (here, there)]
    ends = struct.pack(">HH", here[1], there[1]) + b"".join(ips)
    return Known(Seen(family, 1, ends, 7, 8, 0, 0, 0, 0, 0), namespace, protocol)


def _around(*listeners: Known, translations: Translations | None = None) -> Surroundings:
    def scope(ip: str, namespace: int) -> str:
        return str(namespace) if ip.startswith("127.") else ""

    return Surroundings(
        Listeners(listeners),
        translations or Translations("/proc"),
        scope,
        lambda namespace, ip: ip in HAS[namespace],
    )


def _find(sockets: Sequence[Known], around: Surroundings) -> Pairs:
    pairs = Pairs()
    pairs.find(sockets, around)
    return pairs


CLIENT, SERVER = ("10.0.0.1", 40000), ("172.17.0.2", 53)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_both_ends_of_a_connection_on_the_machine_are_a_pair(protocol: Protocol) -> None:
    here, there = _socket(CLIENT, SERVER, HOME, protocol), _socket(SERVER, CLIENT, BOX, protocol)
    _find([here, there], _around())
    assert (here.peer, there.peer) == (there, here)
    assert (here.is_opener, there.is_opener) == (True, False)


def test_ends_of_one_protocol_are_none_of_another() -> None:
    here, there = _socket(CLIENT, SERVER, HOME, "tcp"), _socket(SERVER, CLIENT, BOX, "udp")
    _find([here, there], _around())
    assert (here.peer, there.peer) == (None, None)


@pytest.mark.parametrize("ip", ["0.0.0.0", "::", "172.17.0.2"])
def test_who_is_not_connected_and_has_the_port_is_asked(ip: str) -> None:
    client, server = _socket(("10.0.0.1", 99), SERVER), _socket((ip, 53), namespace=BOX)
    elsewhere = _socket(("0.0.0.0", 53), namespace=OTHER)
    _find([client], _around(server, elsewhere, _socket(("0.0.0.0", 53), protocol="tcp")))
    assert (client.far, client.is_opener) == (server, True)


def test_of_ipv6_who_has_ipv4_only_is_not_asked() -> None:
    client = _socket(("fd00::1", 40000), ("fd00::2", 53))
    _find([client], _around(_socket(("0.0.0.0", 53), namespace=BOX)))
    assert client.far is None
    server = _socket(("::", 53), namespace=BOX)
    _find([client], _around(server))
    assert client.far is server


def test_loopback_is_asked_in_its_own_namespace_only() -> None:
    client = _socket(("127.0.0.1", 40000), ("127.0.0.1", 53))
    _find([client], _around(_socket(("0.0.0.0", 53), namespace=BOX)))
    assert client.far is None
    server = _socket(("127.0.0.1", 53))
    _find([client], _around(server, _socket(("127.0.0.1", 53), namespace=BOX)))
    assert client.far is server


def test_an_address_that_two_namespaces_have_is_nobodys_but_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(HAS, OTHER, HAS[BOX])
    servers = [_socket(("0.0.0.0", 53), namespace=each) for each in (BOX, OTHER)]
    client, own = _socket(CLIENT, SERVER), _socket(("172.17.0.2", 40000), SERVER, OTHER)
    _find([client, own], _around(*servers))
    assert (client.far, own.far) == (None, servers[1])


def test_a_server_that_connects_beside_its_own_port_has_accepted() -> None:
    server = _socket(("10.0.0.1", 40001), ("10.9.9.9", 500))
    _find([server], _around(_socket(("0.0.0.0", 40001))))
    assert not server.is_opener


@pytest.mark.parametrize(
    ("port", "remote_port", "listens", "far_listens", "is_opener"),
    [
        (40000, 53, False, False, True),
        (53, 40000, False, False, False),
        (40000, 51820, False, False, True),  # both may be the kernel's choice: it asks
        (40000, 53, True, False, False),
        (53, 40000, False, True, True),
        (53, 40000, True, True, False),
    ],
)
def test_who_opened_is_told_by_who_listens_and_then_by_the_ports(
    port: int, remote_port: int, listens: bool, far_listens: bool, is_opener: bool
) -> None:
    ends = Ends("10.0.0.1", port, "10.9.9.9", remote_port)
    assert opened(ends, listens=listens, far_listens=far_listens) is is_opener


@given(st.integers(1, 32767), st.integers(1, 65535))
def test_of_two_machines_that_see_one_end_each_one_is_the_opener(one: int, other: int) -> None:
    ends = Ends("10.0.0.1", one, "10.9.9.9", other)
    turned = Ends("10.9.9.9", other, "10.0.0.1", one)
    first = opened(ends, listens=False, far_listens=False)
    assert opened(turned, listens=False, far_listens=False) is not first


def _told(known: Known) -> None:
    known.group = Group(Key("", ""))


def test_a_server_that_comes_later_or_is_another_process_is_told_anew() -> None:
    client, server = _socket(CLIENT, SERVER), _socket(("0.0.0.0", 53), namespace=BOX)
    pairs = _find([client], _around())
    _told(client)
    pairs.find([client], _around(server))
    assert (client.far, client.group) == (server, None)
    _told(client)
    pairs.find([client], _around(_socket(("0.0.0.0", 53), namespace=BOX)))
    assert client.group is not None
    again = _socket(("0.0.0.0", 53), namespace=BOX)
    again.owner = 4711
    pairs.find([client], _around(again))
    assert client.group is None


def test_one_of_udp_goes_on_alone_when_the_other_end_is_closed() -> None:
    here, there = _socket(CLIENT, SERVER), _socket(SERVER, CLIENT, BOX)
    pairs = _find([here, there], _around())
    _told(here)
    pairs.forget(there, _around())
    assert (here.peer, here.group) == (None, None)
    later = _socket(SERVER, CLIENT, BOX)
    pairs.find([here, later], _around())
    assert here.peer is later


def test_who_connects_later_is_paired_with_whom_it_was_told_without() -> None:
    here, there = _socket(CLIENT, SERVER), _socket(SERVER, CLIENT, BOX)
    pairs = _find([here], _around())
    _told(here)
    pairs.find([here, there], _around())
    assert (here.peer, here.group) == (there, None)


def test_a_published_port_leads_to_who_answers_behind_it() -> None:
    class Published(Translations):
        def far_end(self, protocol: Protocol, opener: Ends) -> Ends:
            assert opener.remote_port == 5353
            return Ends(*SERVER, opener.ip, opener.port)

    client, server = _socket(CLIENT, ("10.0.0.1", 5353)), _socket(SERVER, namespace=BOX)
    _find([client], _around(server, translations=Published("/proc")))
    assert client.far is server
