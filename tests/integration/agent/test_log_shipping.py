"""Lines on their way from tasks' files to a directory, a syslog server and a web server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from tests.support import eventually

from orchestrator.agent.adapters.logs import shipper as shipping
from orchestrator.agent.adapters.logs.book import LogBook
from orchestrator.agent.adapters.logs.ledger import Ledger
from orchestrator.agent.adapters.logs.shipper import Shipper
from orchestrator.agent.adapters.logs.sinks import LogSink, RefusedError, SinkError, sink_from
from orchestrator.agent.adapters.logs.sinks.directory import DirectorySink
from orchestrator.agent.core.logs import LogRecord, LogSource

RECORD = LogRecord(
    time="2026-01-02T03:04:05.678Z",
    agent_id="a",
    framework_id="f",
    executor_id="e",
    task_id="web.1",
    container_id="c1",
    stream="stderr",
    message="boom",
    labels={"team": "x"},
)


class World:
    """Tasks' files, and a sink that takes, is away or refuses, as the test wants."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tasks: list[str] = []
        self.taken: list[LogRecord] = []
        self.error: Exception | None = None
        self.attempts = 0
        self.largest = 0  # number of records sent at once

    def starts(self, id_: str) -> Path:
        self.tasks.append(id_)
        run = self.directory / id_
        run.mkdir()
        for name in ("stdout", "stderr"):
            (run / name).touch()
        return run

    def source(self, id_: str) -> LogSource:
        return LogSource(
            container_id=id_,
            directory=str(self.directory / id_),
            agent_id="a",
            framework_id="f",
            executor_id="e",
            task_id=f"task-{id_}",
            labels={"team": "x"},
        )

    async def send(self, records: Sequence[LogRecord]) -> None:
        self.attempts += 1
        self.largest = max(self.largest, len(records))
        if self.error is not None:
            raise self.error
        self.taken += records

    async def close(self) -> None:
        pass

    def messages(self, id_: str = "c1") -> list[str]:
        return [record.message for record in self.taken if record.container_id == id_]

    @asynccontextmanager
    async def shipping(self) -> AsyncIterator[Shipper]:
        """An agent's life; a later one knows what this one had sent."""
        ledger = Ledger(self.directory / "logs.db")
        book = LogBook(ledger, lambda: self.tasks, self.source, ships=True)
        shipper = Shipper(book, self)
        running = asyncio.create_task(shipper.run())
        try:
            yield shipper
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            ledger.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("PAUSE_S", "BUSY_PAUSE_S"):
        monkeypatch.setattr(shipping, name, 0.02)
    return World(tmp_path)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


# --- the shipper ----------------------------------------------------------------------------------


async def test_lines_come_with_all_that_is_known_of_their_task(world: World) -> None:
    run = world.starts("c1")
    async with world.shipping():
        append(run / "stdout", "one\ntwo\nunfin")
        append(run / "stderr", "bad\n")
        await eventually(lambda: len(world.taken) == 3)
        append(run / "stdout", "ished\n")
        await eventually(lambda: world.messages()[-1] == "unfinished")
    first = next(record for record in world.taken if record.message == "one")
    assert (first.task_id, first.container_id, first.stream) == ("task-c1", "c1", "stdout")
    assert first.labels == {"team": "x"}
    assert first.time.endswith("Z")
    assert {record.stream for record in world.taken} == {"stdout", "stderr"}


async def test_a_restart_neither_loses_nor_doubles_lines(world: World) -> None:
    run = world.starts("c1")
    for life in range(3):
        append(run / "stdout", f"while down {life}\n")
        async with world.shipping():
            append(run / "stdout", f"while up {life}\n")
            await eventually(lambda: len(world.taken) == 2 * (life + 1))  # noqa: B023
    assert world.messages() == [f"while {how} {i}" for i in range(3) for how in ("down", "up")]


async def test_a_batch_under_way_at_a_death_comes_again_and_nothing_is_missing(
    world: World,
) -> None:
    run = world.starts("c1")
    append(run / "stdout", "a\nb\n")
    world.error = SinkError("away")
    async with world.shipping():
        await eventually(lambda: world.attempts)
    world.error = None
    async with world.shipping():
        await eventually(lambda: world.messages() == ["a", "b"])


async def test_what_an_ended_task_wrote_last_comes_too_and_then_it_is_forgotten(
    world: World,
) -> None:
    run = world.starts("c1")
    async with world.shipping() as shipper:
        await eventually(lambda: shipper._book.live)
        append(run / "stdout", "last words without an end")
        world.tasks.clear()
        await eventually(lambda: world.messages() == ["last words without an end"])
        await eventually(lambda: not shipper._book.ended)
        assert shipper._book.ledger.sources() == []


async def test_a_task_that_ended_while_the_agent_was_down_is_not_forgotten(world: World) -> None:
    run = world.starts("c1")
    async with world.shipping() as shipper:
        await eventually(lambda: shipper._book.live)
    append(run / "stdout", "late\n")
    world.tasks.clear()
    async with world.shipping():
        await eventually(lambda: world.messages() == ["late"])


async def test_a_sink_that_is_away_is_tried_again_and_nothing_is_lost(world: World) -> None:
    run = world.starts("c1")
    world.error = SinkError("away")
    async with world.shipping() as shipper:
        append(run / "stdout", "kept\n")
        await eventually(lambda: world.attempts >= 2)
        assert shipper.problem == "away"
        world.error = None
        await eventually(lambda: world.messages() == ["kept"])
        await eventually(lambda: not shipper.problem)


async def test_what_a_sink_refuses_is_counted_and_does_not_hold_up_the_rest(world: World) -> None:
    run = world.starts("c1")
    world.error = RefusedError(1, "not this")
    async with world.shipping() as shipper:
        append(run / "stdout", "refused\n")
        await eventually(lambda: shipper.refused == 1)
        world.error = None
        append(run / "stdout", "taken\n")
        await eventually(lambda: world.messages() == ["taken"])
        assert (shipper.shipped, shipper.refused) == (1, 1)


async def test_rotation_loses_no_line_and_doubles_none(world: World) -> None:
    run = world.starts("c1")
    async with world.shipping() as shipper:
        await eventually(lambda: shipper._book.live)
        file = shipper._book.live["c1"].files[0]
        for i in range(20):
            append(run / "stdout", "".join(f"{i}-{j}\n" for j in range(500)))
            await asyncio.to_thread(file.rotate, 10_000, 1)
            await eventually(lambda: len(world.taken) >= 500 * i)  # noqa: B023
        await eventually(lambda: len(world.taken) >= 10_000)
    assert world.messages() == [f"{i}-{j}" for i in range(20) for j in range(500)]
    assert shipper.dropped_bytes == 0


async def test_what_is_rotated_away_before_the_sink_is_back_is_counted(world: World) -> None:
    run = world.starts("c1")
    lines = "".join(f"{i:06d}\n" for i in range(10_000))
    append(run / "stdout", lines)
    world.error = SinkError("away")
    async with world.shipping() as shipper:
        await eventually(lambda: world.attempts)
        await asyncio.to_thread(shipper._book.live["c1"].files[0].rotate, 30_000, 1)
    world.error = None
    async with world.shipping() as shipper:
        await eventually(lambda: world.messages() and world.messages()[-1] == "009999")
        got = sum(len(message) + 1 for message in world.messages())
        assert shipper.dropped_bytes > 0
        assert got + shipper.dropped_bytes == len(lines)


async def test_a_loud_task_does_not_silence_a_quiet_one(world: World) -> None:
    loud, quiet = world.starts("loud"), world.starts("quiet")
    append(loud / "stdout", "x" * 60 + "\n")
    (loud / "stdout").write_text(("x" * 60 + "\n") * 100_000)
    append(quiet / "stdout", "psst\n")
    async with world.shipping():
        await eventually(lambda: world.messages("quiet") == ["psst"])
        assert len(world.messages("loud")) < 100_000
        await eventually(lambda: len(world.messages("loud")) == 100_000)


async def test_a_batch_is_bounded_whatever_the_lines(world: World) -> None:
    for i in range(5):
        (world.starts(f"c{i}") / "stdout").write_text("\n" * 10_000)
    async with world.shipping():
        await eventually(lambda: len(world.taken) == 50_000)
    assert 0 < world.largest <= shipping.MAX_RECORDS


# --- the sinks ------------------------------------------------------------------------------------


async def test_a_directory_gets_json_lines_and_keeps_them_within_bounds(tmp_path: Path) -> None:
    sink = DirectorySink(tmp_path / "logs", max_bytes=1_000)
    for _ in range(20):
        await sink.send([RECORD, RECORD])
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["tasks.jsonl", *(f"tasks.jsonl.{i}" for i in range(1, 5))]
    for path in (tmp_path / "logs").iterdir():
        assert path.stat().st_size <= 1_000
        for line in path.read_text().splitlines():
            assert msgspec.json.decode(line, type=LogRecord) == RECORD


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


async def test_a_full_directory_is_told_and_holds_no_half_line(small_disk: Path) -> None:
    sink = sink_from(f"file://{small_disk}", "host")
    with pytest.raises(SinkError, match="No space left"):
        await sink.send([RECORD] * 1_000)
    assert (small_disk / "tasks.jsonl").read_bytes() == b""
    await sink.send([RECORD])


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        yield receiver


async def test_syslog_over_udp_is_a_message_a_datagram(udp: socket.socket) -> None:
    sink = sink_from(f"syslog://127.0.0.1:{udp.getsockname()[1]}", "host name")
    await sink.send([RECORD])
    message = udp.recv(65536).decode()
    head, text = message[: message.index("{")], message[message.index("{") :]
    assert head == "<132>1 2026-01-02T03:04:05.678Z hostname web.1 - stderr - "
    assert json.loads(text)["message"] == "boom"
    await sink.close()


async def test_syslog_over_tcp_is_framed_and_connects_anew() -> None:
    received = bytearray()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    sink = sink_from(f"syslog+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", "h")
    await sink.send([RECORD])
    await eventually(lambda: bytes(received))
    length, _, rest = bytes(received).partition(b" ")
    assert int(length) == len(rest)
    server.close()
    await server.wait_closed()
    with pytest.raises(SinkError, match=r"syslog at 127\.0\.0\.1:\d+"):
        for _ in range(100):  # the first may go into a connection that is just ending
            await sink.send([RECORD])
            await asyncio.sleep(0)
    await sink.close()


class WebSink:
    """What an HTTP sink sends; answers what the test says."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.answer: object = {}

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def web_sink() -> AsyncIterator[WebSink]:
    taking, app = WebSink(), web.Application()
    app.router.add_post("/{path:.*}", taking.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"127.0.0.1:{runner.addresses[0][1]}"
    yield taking
    await runner.cleanup()


@pytest.fixture
async def open_sink() -> AsyncIterator[Callable[[str], LogSink]]:
    sinks: list[LogSink] = []

    def open_(url: str) -> LogSink:
        sinks.append(sink_from(url, "host"))
        return sinks[-1]

    yield open_
    for sink in sinks:
        await sink.close()


async def test_http_posts_lines_with_its_credentials(
    web_sink: WebSink, open_sink: Callable[[str], LogSink]
) -> None:
    await open_sink(f"http://joe:hunter2@{web_sink.url}/loki").send([RECORD, RECORD])
    assert [json.loads(line)["message"] for line in web_sink.bodies[0].splitlines()] == ["boom"] * 2
    assert web_sink.headers[0]["Content-Type"] == "application/x-ndjson"
    assert web_sink.headers[0]["Authorization"] == "Basic am9lOmh1bnRlcjI="


async def test_bulk_names_what_to_do_with_each_record(
    web_sink: WebSink, open_sink: Callable[[str], LogSink]
) -> None:
    await open_sink(f"http://{web_sink.url}/logs/_bulk").send([RECORD, RECORD])
    lines = web_sink.bodies[0].splitlines()
    assert lines[0] == lines[2] == b'{"create":{}}'
    assert json.loads(lines[3])["task_id"] == "web.1"


@pytest.mark.parametrize(
    ("status", "states", "outcome"),
    [
        (503, [], SinkError),
        (429, [], SinkError),
        (401, [], SinkError),
        (400, [], RefusedError),
        (302, [], RefusedError),
        (200, [201, 429], SinkError),
        (200, [201, 400], RefusedError),
        (200, [201, 201], None),
    ],
)
async def test_an_answer_says_whether_to_send_again(
    web_sink: WebSink,
    open_sink: Callable[[str], LogSink],
    status: int,
    states: list[int],
    outcome: type[Exception] | None,
) -> None:
    web_sink.status = status
    items = [{"create": {"status": state, "error": {"type": "x"}}} for state in states]
    web_sink.answer = {"took": 1, "errors": max(states, default=0) >= 400, "items": items}
    sink = open_sink(f"http://joe:hunter2@{web_sink.url}/_bulk")
    if outcome is None:
        await sink.send([RECORD] * 2)
        return
    with pytest.raises(outcome) as caught:
        await sink.send([RECORD] * 2)
    assert "hunter2" not in str(caught.value)
    if isinstance(caught.value, RefusedError):
        assert caught.value.records == (1 if states else 2)


async def test_a_web_server_that_is_not_there_is_told_without_the_password(
    open_sink: Callable[[str], LogSink],
) -> None:
    with pytest.raises(SinkError, match="cannot be reached") as caught:
        await open_sink("http://joe:hunter2@127.0.0.1:1/x").send([RECORD])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://h/x", "file://host/x", "file:relative", "syslog://", "x"])
def test_other_sinks_are_refused_with_those_there_are(url: str) -> None:
    with pytest.raises(ValueError, match=r"syslog\+tcp"):
        sink_from(url, "host")
