"""Sockets as the kernel tells of them, and connections made of these."""

import errno
import socket
import struct

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.connections import diag
from orchestrator.monitoring.probe.connections.grouping import Groups, Key
from orchestrator.monitoring.probe.connections.known import Known


def _info(sent: int, resent: int, received: int, rtt_us: int = 250, again: int = 3) -> bytes:
    info = bytearray(280)
    struct.pack_into("=I", info, 68, rtt_us)
    struct.pack_into("=I", info, 100, again)
    struct.pack_into("=Q", info, 128, received)
    struct.pack_into("=QQ", info, 200, sent, resent)
    return bytes(info)


def _message(
    info: bytes,
    *,
    state: int = 1,
    family: int = socket.AF_INET,
    ip: str = "10.0.0.1",
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    raw = socket.inet_pton(family, ip).ljust(16, b"\0")
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack(">HH", 40000, 443)
    body += raw + raw + struct.pack("=IQIIIII", 0, 77, 0, 0, 0, 1000, 4711)
    shutdown = struct.pack("=HHBxxx", 5, 8, 0)
    body += shutdown + before + struct.pack("=HH", 4 + len(info), 2) + info + after
    return struct.pack("=IHHII", 16 + len(body), diag.BY_FAMILY, 2, 1, 0) + body


def test_a_socket_has_its_ends_owner_and_counters() -> None:
    [seen] = diag.sockets(_message(_info(1000, 100, 50)))
    assert diag.endpoints(seen) == ("10.0.0.1", 40000, "10.0.0.1", 443)
    assert (seen.cookie, seen.inode) == (77, 4711)
    known = Known(seen, 1, "tcp")
    assert (known.sent, known.received, known.retransmits, known.rtt_us) == (900, 50, 3, 250)


def test_a_fin_that_has_come_is_no_byte() -> None:
    [seen] = diag.sockets(_message(_info(0, 0, 51), state=8))
    assert Known(seen, 1, "tcp").received == 50


def test_ipv4_in_ipv6_is_ipv4() -> None:
    [seen] = diag.sockets(_message(_info(0, 0, 0), family=socket.AF_INET6, ip="::ffff:10.0.0.1"))
    assert diag.endpoints(seen).ip == "10.0.0.1"


def test_an_older_kernel_tells_what_was_acknowledged() -> None:
    info = bytearray(_info(0, 0, 60)[:160])
    struct.pack_into("=Q", info, 120, 500)
    [seen] = diag.sockets(_message(bytes(info)))
    known = Known(seen, 1, "tcp")
    assert (known.sent, known.received) == (500, 60)


def _forms() -> list[bytes]:
    """Messages of one length, and of others, with counters at several places."""
    mark, many = struct.pack("=HHI", 8, 15, 9), _info(2000, 0, 70)
    old = bytearray(many[:160])
    struct.pack_into("=Q", old, 120, 3000)
    return [
        _message(_info(1000, 100, 50), after=mark),
        _message(many, after=mark),
        _message(many, before=mark),
        _message(many, before=mark + mark),
        _message(bytes(old), before=mark),
        _message(b""),
    ]


@given(st.lists(st.sampled_from(_forms()), max_size=6))
def test_sockets_are_the_same_whatever_comes_with_them(told: list[bytes]) -> None:
    alone = [seen for message in told for seen in diag.sockets(message)]
    assert list(diag.sockets(b"".join(told))) == alone


def test_counters_are_found_where_they_are() -> None:
    sent = [seen.sent for message in _forms() for seen in diag.sockets(message)]
    assert sent == [1000, 2000, 2000, 2000, 3000, 0]


@given(st.binary(max_size=400))
def test_anything_can_be_read(data: bytes) -> None:
    assert len(list(diag.sockets(data))) <= 5
    assert len(list(diag.sockets(_message(_info(1, 0, 1)) + data))) >= 1


def test_an_answer_that_is_a_refusal_is_told_from_others() -> None:
    refused = struct.pack("=IHHII", 36, 2, 0, 1, 0) + struct.pack("=i16x", -errno.ENOENT)
    done = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
    assert (diag.is_over(refused), diag.refusal(refused)) == (True, errno.ENOENT)
    assert (diag.is_over(done), diag.refusal(done), diag.refusal(b"")) == (True, 0, 0)


def test_each_protocol_is_asked_for_by_its_number() -> None:
    asked = [diag.question(socket.AF_INET, one)[16:18] for one in diag.DESTROY_GROUPS]
    assert asked == [b"\x02\x06", b"\x02\x11"]


def test_of_udp_nothing_is_counted_but_connections() -> None:
    groups = Groups()
    for key in (KEY, KEY._replace(protocol="udp")):
        groups.of(key).add(0, 0, 0, 0)
    tcp, udp = groups.connections()
    assert (tcp.protocol, udp.protocol, udp.count) == ("tcp", "udp", 1)
    assert msgspec.to_builtins(udp).keys() == {"source", "target", "protocol", "source_process"}


KEY = Key(";10.0.0.1;", ";10.0.0.2;443", source_process="h;1")


def test_sockets_with_the_same_ends_are_one_connection() -> None:
    groups = Groups()
    groups.of(KEY).add(100, 10, 1, 2000)
    groups.of(KEY).add(200, 20, 0, 4000)
    [one] = groups.connections()
    assert (one.count, one.bytes_sent, one.bytes_received, one.retransmits) == (2, 300, 30, 1)
    assert one.rtt_ms == 3.0


def test_what_closed_sockets_carried_stays_as_long_as_the_connection_is_told() -> None:
    groups = Groups()
    group = groups.of(KEY)
    group.add(100, 0, 0, 0)
    group.end(50, 0, 0)
    assert (groups.connections()[0].closed, groups.connections()[0].bytes_sent) == (1, 150)
    groups.begin()
    group.add(120, 0, 0, 0)
    [one] = groups.connections()
    assert (one.count, one.closed, one.bytes_sent) == (1, 0, 170)
    groups.begin()
    assert groups.connections() == []
    assert groups.of(KEY) is not group


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=30))
def test_counters_of_a_connection_never_go_back(events: list[tuple[bool, int]]) -> None:
    groups, sent, last = Groups(), {0: 0}, 0
    for closes, size in events:
        groups.begin()
        current = max(sent)
        sent[current] += size
        if closes:
            groups.of(KEY).end(sent[current], 0, 0)
            sent = {current + 1: 0}
            groups.of(KEY).add(0, 0, 0, 0)
        else:
            groups.of(KEY).add(sent[current], 0, 0, 0)
        [one] = groups.connections()
        assert one.bytes_sent >= last
        last = one.bytes_sent
