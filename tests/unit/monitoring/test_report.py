"""The contract between probes and the app."""

from operator import is_
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.monitoring.reports import report, reports

from orchestrator.monitoring.report import (
    Connection,
    Limits,
    Node,
    Protocol,
    Report,
    ReportError,
    changes,
    check,
    codec,
    ids,
)
from orchestrator.monitoring.report import control as messages
from orchestrator.monitoring.report.kept import keep

NOW = 1015.0


@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
@given(said=reports("a", 1))
def test_a_report_arrives_as_it_was_sent(media_type: str, said: object) -> None:
    assert codec.decode(codec.encode(said, media_type), media_type) == said  # type: ignore[arg-type]


@given(st.binary(max_size=200), st.sampled_from([*codec.MEDIA_TYPES, "text/html"]))
def test_any_bytes_are_a_report_or_refused_with_a_sentence(data: bytes, media_type: str) -> None:
    try:
        codec.decode(data, media_type)
    except ReportError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "version 2"),
        ({"taken_at": NOW + 61}, "in the future"),
        ({"taken_at": NOW - 3601}, "too old"),
        ({"taken_at": float("nan")}, "not a time"),
        ({"host_id": "elsewhere"}, "not among the hosts"),
        ({"nodes": {"host": [Node(id="a"), Node(id="a")]}}, "twice"),
        ({"nodes": {"host": [Node(id="a"), Node(id="x\x00y")]}}, "cannot be shown"),
        ({"nodes": {"host": [Node(id="a", metrics={"cpu": float("inf")})]}}, "not a finite"),
        ({"nodes": {"host": [Node(id="a"), *(Node(id=str(n)) for n in range(9))]}}, "10 nodes"),
    ],
)
def test_a_report_that_cannot_be_used_is_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        check(report("a", **changed), NOW, Limits(max_nodes=9))


@given(before=reports("a", 1), after=reports("a", 2))
def test_a_change_leads_from_one_report_to_the_next(before: object, after: object) -> None:
    kept = keep(before)  # type: ignore[arg-type]
    change = changes.change_between(kept, keep(after, kept))  # type: ignore[arg-type]
    bare = changes.bare(before)  # type: ignore[arg-type]
    assert changes.applied(bare, change) == changes.bare(after)  # type: ignore[arg-type]


@given(before=reports("a", 1), after=reports("a", 2))
def test_a_whole_change_forgets_what_was_before(before: object, after: object) -> None:
    change = changes.change_between(None, keep(after))  # type: ignore[arg-type]
    assert changes.applied(before, change) == changes.bare(after)  # type: ignore[arg-type]


@given(before=reports("a", 1), after=reports("a", 2))
def test_a_kept_report_is_the_one_that_came(before: Report, after: Report) -> None:
    kept = keep(after, keep(before))
    assert kept.whole() == after
    olds = {node.id: node for node in before.nodes["process"]}
    is_changed = [node.id for node in after.nodes["process"]] != list(olds) or any(
        replace(node, metrics=olds[node.id].metrics) != olds[node.id]
        for node in after.nodes["process"]
    )
    assert ("process" in kept.changed) == is_changed


@given(said=reports("a", 1))
def test_what_is_said_again_is_not_kept_twice(said: Report) -> None:
    before = keep(codec.decode(codec.encode(said)))
    after = keep(codec.decode(codec.encode(said)), before)
    assert after.ends is before.ends
    assert not after.changed
    for topology, measured in after.measured.items():
        assert measured.series is before.measured[topology].series
    for topology, nodes in after.report.nodes.items():
        assert all(map(is_, nodes, before.report.nodes[topology]))


def test_texts_of_connections_are_kept_once() -> None:
    said = Report(
        1, "a", "first", 0.0, 1, 0.0, "a",
        nodes={"process": [Node("a;1")]},
        connections=[Connection(f"a;1.1.1.1;{port}", "a;2.2.2.2;80", source_process="a;1")
                     for port in (1, 2)],
    )  # fmt: skip
    kept = keep(codec.decode(codec.encode(said)))
    [target, same_target] = kept.ends.target
    [owner, same_owner] = kept.ends.source_process
    [process] = kept.report.nodes["process"]
    assert target is same_target
    assert owner is same_owner is process.id


@given(
    st.text(st.characters(codec="utf-8", exclude_characters=";"), max_size=9),
    st.one_of(st.none(), st.integers(0, 65535)),
    st.sampled_from(get_args(Protocol)),
)
def test_an_endpoint_is_read_as_it_was_named(ip: str, port: int | None, protocol: Protocol) -> None:
    named = ids.endpoint("host;4026531840", ip, port, protocol)
    told = protocol if port is not None else "tcp"
    assert ids.parse_endpoint(named) == ("host;4026531840", ip, port, told)
    assert ids.address_of(named) == ids.address("host;4026531840", ip)
    assert ids.of_protocol(named, protocol) == named


def test_ports_of_tcp_name_no_protocol_as_they_never_did() -> None:
    assert ids.endpoint("", "10.0.0.1", 53) == ";10.0.0.1;53"
    assert ids.endpoint("", "10.0.0.1", 53, "udp") == ";10.0.0.1;53/udp"


NO_ENDPOINTS = ["", ";", "a;b;c", "a;b;70000", "a;b;-1", "a;b;٣", "a;b;53/", "a;b;53/tcp"]
NO_ENDPOINTS += ["a;b;53/x", "a;b;/udp", "a;b;53/udp/udp", "a;b;udp"]


@pytest.mark.parametrize("id", NO_ENDPOINTS)
def test_what_is_no_endpoint_is_told_apart(id: str) -> None:
    assert ids.parse_endpoint(id) is None


def test_control_messages_arrive_as_they_were_sent() -> None:
    request = messages.Request(7, "container", "c1", "exec", {"command": "sh"}, "ann")
    assert messages.decode_from_app(messages.encode(request)) == request
    output = messages.Output(7, b"\x00\xff", "stderr")
    assert messages.decode_from_probe(messages.encode(output)) == output


@given(st.binary(max_size=100))
def test_a_frame_that_is_no_message_is_refused(frame: bytes) -> None:
    try:
        messages.decode_from_probe(frame)
    except messages.ControlError as error:
        assert str(error)


def test_data_beyond_the_limit_of_a_frame_are_refused() -> None:
    frame = msgspec.msgpack.encode({"type": "output", "stream": 1, "data": bytes(65537)})
    with pytest.raises(messages.ControlError):
        messages.decode_from_probe(frame)
