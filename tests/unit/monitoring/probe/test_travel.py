"""Reports on their way, HTTP and WebSocket: what is pure of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.docker.controls import Frames
from orchestrator.monitoring.probe.docker.parsing import moment, parse_container
from orchestrator.monitoring.probe.http import websocket
from orchestrator.monitoring.probe.http.exchange import HttpError, parse_head
from orchestrator.monitoring.probe.http.listening import answer
from orchestrator.monitoring.probe.http.websocket import Frame, Reader, WebSocketError
from orchestrator.monitoring.probe.publishing.backlog import Backlog, Waiting
from orchestrator.monitoring.probe.publishing.publisher import outcome_of, wait_s


def test_the_oldest_report_is_dropped_first() -> None:
    backlog = Backlog(max_reports=2, max_bytes=1000)
    for number in (1, 2, 3):
        backlog.put(Waiting(number, float(number), b"x"))
    first = backlog.first()
    assert first is not None
    assert (first.number, len(backlog), backlog.dropped) == (2, 2, 1)
    backlog.sent(first)
    backlog.sent(first)
    assert len(backlog) == 1


@given(st.lists(st.integers(1, 400), max_size=50))
def test_a_backlog_never_holds_more_than_it_may(sizes: list[int]) -> None:
    backlog = Backlog(max_reports=10, max_bytes=1000)
    for number, size in enumerate(sizes):
        backlog.put(Waiting(number, 0.0, bytes(size)))
        assert len(backlog) <= 10
        assert backlog.bytes <= 1000
    assert len(backlog) + backlog.dropped == len(sizes)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_probe_waits_longer_but_not_for_ever(failures: int, draw: float) -> None:
    assert 0.5 <= wait_s(failures, draw) <= 30
    assert wait_s(failures, draw, "60") == 60
    assert wait_s(failures, draw, "soon") <= 30


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(202, "taken"), (400, "refused"), (413, "refused"), (404, "unknown"),
     (409, "superseded"), (503, "later"), (429, "later"), (401, "later"), (500, "later")],
)  # fmt: skip
def test_an_answer_says_what_becomes_of_a_report(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome


def _from_server(kind: int, data: bytes, *, last: bool = True) -> bytes:
    head = bytes(((0x80 if last else 0) | kind,))
    if len(data) < 126:
        return head + bytes((len(data),)) + data
    return head + bytes((126,)) + len(data).to_bytes(2, "big") + data


@given(st.lists(st.binary(max_size=300), max_size=10), st.integers(1, 50))
def test_messages_are_the_same_however_they_arrive(payloads: list[bytes], step: int) -> None:
    stream = b"".join(_from_server(websocket.BINARY, one) for one in payloads)
    reader, found = Reader(), []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert found == [Frame(websocket.BINARY, one) for one in payloads]


def test_parts_of_a_message_are_joined_with_a_ping_between() -> None:
    stream = _from_server(websocket.BINARY, b"ab", last=False)
    stream += _from_server(websocket.PING, b"?") + _from_server(0, b"cd")
    assert Reader().feed(stream) == [Frame(websocket.PING, b"?"), Frame(websocket.BINARY, b"abcd")]


@pytest.mark.parametrize(
    "stream", [b"\xc2\x00", b"\x82\x80", b"\x80\x01x", b"\x82\x7f" + b"\xff" * 8]
)
def test_a_frame_that_was_not_agreed_ends_the_connection(stream: bytes) -> None:
    with pytest.raises(WebSocketError):
        Reader().feed(stream)


@given(st.binary(max_size=70_000), st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing(data: bytes, mask: bytes) -> None:
    assert websocket.masked(websocket.masked(data, mask), mask) == data


def test_the_handshake_is_that_of_the_rfc() -> None:
    assert websocket.accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_head_of_an_answer() -> None:
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nX-Y:  z \r\n\r\n"
    assert parse_head(head) == (202, {"content-length": "2", "x-y": "z"})
    with pytest.raises(HttpError):
        parse_head(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(HttpError):
        parse_head(b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", b"200"),
        (b"GET /health?x HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /health HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /other HTTP/1.1\r\n\r\n", b"404"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
    ],
)
def test_the_probes_own_pages(head: bytes, status: bytes) -> None:
    pages = {"/health": lambda: (200, "text/plain", "ok")}
    assert answer(head, pages).split(b" ")[1] == status


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=40))),
       st.integers(1, 20))  # fmt: skip
def test_output_of_docker_is_told_apart(frames: list[tuple[int, bytes]], step: int) -> None:
    stream = b"".join(bytes((k, 0, 0, 0)) + len(d).to_bytes(4, "big") + d for k, d in frames)
    reader, found = Frames(), {"stdout": b"", "stderr": b""}
    for at in range(0, len(stream), step):
        for channel, data in reader.feed(stream[at : at + step]):
            found[channel] += data
    assert found["stdout"] == b"".join(data for kind, data in frames if kind == 1)
    assert found["stderr"] == b"".join(data for kind, data in frames if kind == 2)


def test_times_of_docker() -> None:
    assert moment("1970-01-01T00:00:10.5123Z") == "10.512"
    assert moment("0001-01-01T00:00:00Z") == ""
    assert moment("yesterday") == ""


def test_a_container_of_docker_with_little_in_it() -> None:
    found = parse_container(b'{"Id": "a", "Config": {"Labels": null}, "Args": null}')
    assert (found.id, found.state.status) == ("a", "")
