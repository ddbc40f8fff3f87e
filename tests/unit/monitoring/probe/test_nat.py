"""Translated connections as the kernel tells of them."""

import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.connections import nat, translations
from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.translations import MOST_READ, Translations
from orchestrator.monitoring.probe.kernel.messages import messages


def _attribute(type: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), type) + value + bytes(-len(value) % 4)


def _tuple(
    type: int, source: tuple[str, int], destination: tuple[str, int], protocol: int = 6
) -> bytes:
    family, first = (socket.AF_INET6, 3) if ":" in source[0] else (socket.AF_INET, 1)
    ips = b"".join(
        _attribute(first + at, socket.inet_pton(family, ip))
        for at, (ip, _) in enumerate((source, destination))
    )
    ports = b"".join(
        _attribute(2 + at, struct.pack(">H", port))
        for at, (_, port) in enumerate((source, destination))
    )
    inner = _attribute(0x8000 | 1, ips) + _attribute(
        0x8000 | 2, _attribute(1, bytes([protocol])) + ports
    )
    return _attribute(0x8000 | type, inner)


def _message(*parts: bytes) -> bytes:
    body = bytes(4) + b"".join(parts)
    return struct.pack("=IHHII", 16 + len(body), 0x100, 2, 1, 0) + body


def _read(data: bytes) -> list[nat.Translation]:
    return list(nat.translations(messages(data)))


CLIENT, PUBLISHED, CONTAINER = ("10.0.0.9", 5000), ("192.168.1.1", 8080), ("172.17.0.2", 80)


def test_a_published_port_is_known_by_both_ends() -> None:
    [found] = _read(_message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, CONTAINER, CLIENT)))
    assert found.opener == (*CLIENT, *PUBLISHED)
    assert found.accepter == (*CONTAINER, *CLIENT)


def test_where_the_opener_is_hidden_too_the_accepter_sees_somebody_else() -> None:
    gateway = ("172.17.0.1", 41000)
    [found] = _read(_message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, CONTAINER, gateway)))
    assert found.accepter == (*CONTAINER, *gateway)


def test_what_is_passed_on_as_it_is_is_no_translation() -> None:
    assert _read(_message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, PUBLISHED, CLIENT))) == []
    masked = ("192.168.1.1", 41000)  # only the opener is hidden
    assert _read(_message(_tuple(1, CONTAINER, CLIENT), _tuple(2, CLIENT, masked))) == []


def test_udp_is_told_apart() -> None:
    found = _read(
        _message(_tuple(1, CLIENT, PUBLISHED, 17), _tuple(2, CONTAINER, CLIENT, 17))
        + _message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, ("172.17.0.3", 80), CLIENT))
    )
    assert [one.protocol for one in found] == ["udp", "tcp"]
    known = Translations("/proc")
    known.note_own(frozenset([PUBLISHED[0]]))
    known.read(
        messages(_message(_tuple(1, CLIENT, PUBLISHED, 17), _tuple(2, CONTAINER, CLIENT, 17)))
    )
    opener, accepter = Ends(*CLIENT, *PUBLISHED), Ends(*CONTAINER, *CLIENT)
    assert known.far_end("udp", opener) == accepter
    assert known.far_end("tcp", opener) == Ends(*PUBLISHED, *CLIENT)
    assert (known.asked("udp", accepter), known.asked("tcp", accepter)) == (opener, None)


def test_ipv6_is_read_and_other_protocols_are_left_out() -> None:
    here, there, behind = ("fd00::1", 5000), ("fd00::2", 80), ("fd00::3", 8080)
    [found] = _read(_message(_tuple(1, here, there), _tuple(2, behind, here)))
    assert found.accepter == ("fd00::3", 8080, "fd00::1", 5000)
    sctp = _message(_tuple(1, CLIENT, PUBLISHED, 132), _tuple(2, CONTAINER, CLIENT, 132))
    assert _read(sctp) == []


@given(st.binary(max_size=300), st.integers(0, 200))
def test_anything_can_be_read(data: bytes, cut: int) -> None:
    whole = _message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, CONTAINER, CLIENT))
    assert len(_read(data)) <= 4
    assert len(_read(whole[:cut] + data)) <= 4


def test_of_very_many_the_first_are_known_and_that_is_said() -> None:
    made = [
        _message(_tuple(1, ("10.0.0.9", port), PUBLISHED), _tuple(2, CONTAINER, ("10.0.0.9", port)))
        for port in range(1, MOST_READ + 2)
    ]
    known = Translations("/proc")
    known.note_own(frozenset([PUBLISHED[0]]))
    known.read(messages(b"".join(made[:-1])))
    assert (len(dict(known)), known.problem) == (MOST_READ, "")
    known.read(messages(b"".join(made)))
    assert len(dict(known)) == MOST_READ
    assert known.problem == "NAT is seen of the first 5000 connections only"


@pytest.mark.parametrize(("own", "is_published"), [(PUBLISHED[0], True), ("192.168.1.2", False)])
def test_an_address_that_no_machine_has_is_replaced_and_one_that_others_know_is_not(
    own: str, is_published: bool
) -> None:
    known = Translations("/proc")
    known.note_own(frozenset([own]))
    told = _message(_tuple(1, CLIENT, PUBLISHED), _tuple(2, CONTAINER, CLIENT))
    known.read(messages(told))
    opener, accepter = Ends(*CLIENT, *PUBLISHED), Ends(*CONTAINER, *CLIENT)
    assert known.far_end("tcp", opener) == accepter
    assert known.asked("tcp", accepter) == (opener if is_published else None)
    assert dict(known) == ({("tcp", accepter): opener} if is_published else {})
    assert known.meant("tcp", opener) == (opener if is_published else Ends(*CLIENT, *CONTAINER))
    assert known.meant("tcp", accepter) == accepter


def test_a_kernel_that_tracks_nothing_or_refuses_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(protocol: int) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(translations, "open_netlink", refuse)
    known = Translations(str(tmp_path))
    known.refresh()
    assert known.problem == ""
    counted = tmp_path / "sys/net/netfilter/nf_conntrack_count"
    counted.parent.mkdir(parents=True)
    for count, problem in (("0", ""), ("7", "NAT is not seen: Operation not permitted")):
        counted.write_text(f"{count}\n")
        known.refresh()
        assert known.problem == problem
