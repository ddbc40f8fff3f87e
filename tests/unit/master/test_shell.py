"""The parts of the master's shell that need no socket: files, figures, operators' streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.master.adapters.measures import (
    WINDOW,
    Durations,
    MeasuredMaster,
    MeasuredStore,
    Measures,
)
from orchestrator.master.adapters.streams import Watchers
from orchestrator.master.adapters.v1_files import MAX_READ_BYTES, Files
from orchestrator.master.config import MasterConfig
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import OperatorSubscribed
from orchestrator.master.server import serve_master
from orchestrator.mesos import codec, media, protobuf
from orchestrator.mesos.media import Media
from orchestrator.mesos.operator import Event, EventType
from orchestrator.runtime.http import Stream
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import MemoryStore, SqliteStore, StoreError
from orchestrator.runtime.verbosity import Verbosity

from .world import World

# --- the registry --------------------------------------------------------------------------------


async def test_a_registry_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "registry.db")
    await store.commit([Save("agents/a", b"{}")])
    await store.close()
    with pytest.raises(StoreError, match="the registry holds what this version cannot read"):
        async with serve_master(MasterConfig(port=0, data_dir=str(tmp_path))):
            pass


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """``/master/log`` is a directory with a file in it, beside a secret outside."""
    log = tmp_path / "log"
    log.mkdir()
    (log / "a.log").write_bytes(b"x" * (MAX_READ_BYTES + 10))
    (tmp_path / "secret").write_text("s")
    (log / "out").symlink_to(tmp_path / "secret")
    (log / "loop").symlink_to(log / "loop")
    return Files({"/master/log": log})


def test_a_directory_is_listed(files: Files) -> None:
    assert [info.path for info in files.browse("/master/log/")] == [
        "/master/log/a.log",
        "/master/log/loop",
        "/master/log/out",
    ]


def test_a_file_is_its_only_entry(files: Files) -> None:
    (info,) = files.browse("master/log/a.log")
    assert (info.path, info.size) == ("/master/log/a.log", MAX_READ_BYTES + 10)
    assert info.mtime and info.uid and info.gid


def test_a_part_of_a_file_is_read_at_most_so_much_at_once(files: Files) -> None:
    size, data = files.read("/master/log/a.log", 0, None)
    assert (size, len(data)) == (MAX_READ_BYTES + 10, MAX_READ_BYTES)
    assert files.read("/master/log/a.log", size - 3, 100) == (size, b"xxx")
    assert files.read("/master/log/a.log", size, 5) == (size, b"")
    assert files.read("/master/log/a.log", -1, None) == (size, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "",
        "/",
        "/master",
        "/master/logs",
        "/master/log/nothing",
        "/master/log/../secret",
        "/master/log/out",
        "/master/log/loop",
        "/master/log/" + "a" * 5000,
    ],
)
def test_what_is_not_in_the_tree_is_not_found(files: Files, path: str) -> None:
    with pytest.raises(OperatorError) as refusal:
        files.read(path, 0, None)
    assert refusal.value.status == 404


@pytest.mark.parametrize("path", ["/master/log", "/master/log/a\0b"])
def test_what_cannot_be_read_is_a_bad_request(files: Files, path: str) -> None:
    with pytest.raises(OperatorError) as refusal:
        files.read(path, 0, None)
    assert refusal.value.status == 400


def test_a_log_that_is_not_written_yet_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read") as refusal:
        Files({"/master/log": tmp_path / "later"}).browse("/master/log")
    assert refusal.value.status == 404


# --- figures -------------------------------------------------------------------------------------


def test_durations_are_figures_in_milliseconds() -> None:
    durations = Durations()
    assert durations.figures("x")["x/p99"] == 0
    for i in range(WINDOW + 100):
        durations.add(i / 1000)
    figures = durations.figures("x")
    assert figures["x/count"] == WINDOW + 100
    assert figures["x/min"] == 100  # older ones are forgotten
    assert figures["x"] == figures["x/max"] == WINDOW + 99
    assert figures["x/p50"] == pytest.approx(600, abs=1)
    assert figures["x/p9999"] <= figures["x/max"]


def test_only_allocations_are_measured_as_such() -> None:
    world = World()
    measures = Measures({})
    measured = MeasuredMaster(world.master, measures)
    measured.handle(OperatorSubscribed("w"), world.now)
    measured.wake(world.now)
    assert measures.runs.count == 0
    world.framework()
    world.agent()
    before = measures.runs.count
    world.master.state.reallocate_all()
    assert measured.wake_at() == world.now
    measured.wake(world.now)
    assert measures.runs.count == before + 1
    assert measures.latencies.count == measures.runs.count


async def test_commits_are_timed_and_the_registry_is_weighed() -> None:
    measures = Measures({"agents/a": b"12345", "agents/b": b"1"})
    inner = MemoryStore()
    store = MeasuredStore(inner, measures)
    await store.commit([Save("agents/a", b"12"), Save("agents/b", None), Save("c", b"123")])
    assert sum(measures.registry_bytes.values()) == 5
    assert measures.stores.count == 1
    assert await store.load("agents/") == {"agents/a": b"12"}
    await store.close()


# --- operators' streams --------------------------------------------------------------------------


class Written(Stream):
    """A stream whose events are looked at instead of sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[bytes] = []

    def send(self, event: bytes) -> bool:
        self.events.append(event)
        return True


def _announce(watchers: Watchers, types: Sequence[EventType]) -> None:
    for type_ in types:
        watchers.announce(Event(type=type_))


async def test_a_stream_hears_nothing_before_its_first_event() -> None:
    watchers, stream = Watchers(), Written()
    watchers.add("w", stream, media.JSON)
    _announce(watchers, [EventType.TASK_ADDED])
    watchers.begin("w", Event(type=EventType.SUBSCRIBED))
    _announce(watchers, [EventType.HEARTBEAT])
    watchers.remove("w")
    _announce(watchers, [EventType.HEARTBEAT])
    assert [codec.decode(Event, e).type for e in stream.events] == [
        EventType.SUBSCRIBED,
        EventType.HEARTBEAT,
    ]


async def test_an_event_is_written_once_for_all_streams_of_a_form() -> None:
    written = []

    def encode(message: object) -> bytes:
        written.append(message)
        return b"{}"

    form = Media("application/test", encode)
    watchers, streams = Watchers(), [Written() for _ in range(3)]
    for number, stream in enumerate(streams):
        watchers.add(str(number), stream, form)
        watchers.begin(str(number), Event(type=EventType.SUBSCRIBED))
    written.clear()
    _announce(watchers, [EventType.HEARTBEAT])
    assert len(written) == 1
    assert [len(stream.events) for stream in streams] == [2, 2, 2]


async def test_each_stream_gets_the_form_it_asked_for() -> None:
    watchers, json, binary = Watchers(), Written(), Written()
    watchers.add("j", json, media.JSON)
    watchers.add("p", binary, media.PROTOBUF)
    for name in ("j", "p"):
        watchers.begin(name, Event(type=EventType.SUBSCRIBED))
    assert codec.decode(Event, json.events[0]) == protobuf.decode(Event, binary.events[0])
    watchers.close("j")
    assert json.is_closed
    assert not binary.is_closed


# --- logging -------------------------------------------------------------------------------------


async def test_the_log_is_more_talkative_until_the_time_is_over() -> None:
    usual = logging.getLogger().level
    verbosity = Verbosity()
    verbosity.raise_to(3, 60.0)
    assert verbosity.level == 3
    assert logging.getLogger().level == logging.DEBUG
    verbosity.raise_to(1, 1e-6)
    async with asyncio.timeout(60):
        while verbosity.level:  # noqa: ASYNC110 - it ends by a timer of its own
            await asyncio.sleep(0)
    assert logging.getLogger().level == usual


@pytest.mark.parametrize(("level", "duration_s"), [(-1, 1.0), (10, 1.0), (1, 0.0), (1, 1e12)])
async def test_a_level_or_duration_that_cannot_be_is_refused(level: int, duration_s: float) -> None:
    with pytest.raises(OperatorError):
        Verbosity().raise_to(level, duration_s)
