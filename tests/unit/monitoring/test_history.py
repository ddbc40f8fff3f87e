"""History: what was written is read again, and what is damaged, too old or too much goes."""

import asyncio
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import full_disk
from tests.unit.monitoring.reports import histories, report

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history import records, retention, topology
from orchestrator.monitoring.app.history.archive import Archive
from orchestrator.monitoring.app.history.retention import Kept
from orchestrator.monitoring.app.history.ring import HOUR_SLOTS, SLOTS, STEP_S, Ring, slot_at
from orchestrator.monitoring.app.history.segments import CHUNK, Segment, SegmentError, write
from orchestrator.monitoring.app.history.segments import Node as Row
from orchestrator.monitoring.report import Node, Report, changes
from orchestrator.monitoring.report.kept import KeptReport, keep

HOUR_S = HOUR_SLOTS * STEP_S
START = 1000 * HOUR_S


def _measured(at: float, value: float, name: str = "cpu_percent", number: int = 1) -> Report:
    nodes = {"host": [Node(id="a", metrics={name: value})]}
    return report("a", number, taken_at=at, nodes=nodes)


def _values(ring: Ring, first: int, last: int, name: str = "cpu_percent") -> list[float]:
    return [float(value) for value in ring.read("host", "a", name, first, last)]


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(-5, 1000)), max_size=30))
def test_the_ring_remembers_the_last_value_of_each_slot(written: list[tuple[int, int]]) -> None:
    ring, expected, newest = Ring(10), {}, -1
    for slot, value in written:
        newest = max(newest, slot)
        if slot > newest - SLOTS:
            expected[slot] = float(value)
        ring.put(keep(_measured(slot * STEP_S, value)))
    read = dict(enumerate(_values(ring, 0, 600)))
    known = {slot: value for slot, value in read.items() if not np.isnan(value)}
    assert known == {slot: one for slot, one in expected.items() if slot > newest - SLOTS}


def test_a_new_metric_of_a_node_keeps_what_the_others_had() -> None:
    ring = Ring(10)
    ring.put(keep(_measured(0, 1.0)))
    ring.put(keep(_measured(STEP_S, 2.0, "load_1m", 2)))
    assert _values(ring, 0, 0) == [1.0]
    assert _values(ring, 1, 1, "load_1m") == [2.0]


def test_without_room_processes_are_refused_before_hosts() -> None:
    ring = Ring(10)
    processes = [Node(id=f"a;{n}", metrics={"cpu_percent": 1.0}) for n in range(20)]
    ring.put(keep(report("a", nodes={"process": processes})))
    assert (ring.series, ring.dropped) == (8, 12)
    ring.put(keep(report("a", 2, nodes={"host": [Node(id="a", metrics={"cpu_percent": 1.0})]})))
    assert ring.series == 9


def test_series_that_have_ended_make_room() -> None:
    ring = Ring(4)
    for number in range(10):
        at = number * (SLOTS + 20) * STEP_S
        node = Node(id=f"c{number}", metrics={"cpu_percent": 1.0, "memory_bytes": 2.0})
        ring.put(keep(report("a", number, taken_at=at, nodes={"container": [node]})))
    assert (ring.dropped, ring.series) == (0, 2)


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_records_before_a_damaged_one_are_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("records") / "file"
    file = records.RecordFile(path)
    sizes = [file.append(one) for one in written]
    file.close()
    cut = data.draw(st.integers(0, sum(sizes)))
    path.write_bytes(path.read_bytes()[:cut])
    whole = sum(1 for n in range(len(sizes)) if sum(sizes[: n + 1]) <= cut)
    assert list(records.read(path)) == written[:whole]
    file = records.RecordFile(path)  # as the next app does
    file.append(b"more")
    file.close()
    assert list(records.read(path)) == [*written[:whole], b"more"]


def test_a_segment_gives_back_each_series(tmp_path: Path) -> None:
    cells = np.arange(2500 * 4, dtype=np.uint32).reshape(2500, 4)
    nodes: list[Row] = [("process", f"a;{n}", ("cpu_percent", "threads")) for n in range(1250)]
    write(tmp_path / "s", 40, 4, nodes, (cells[at : at + 1024] for at in range(0, 2500, 1024)))
    segment = Segment(tmp_path / "s")
    assert (segment.head.first, segment.last, segment.nodes()) == (40, 43, nodes)
    for n in (0, 511, 512, 1249):
        found = segment.read("process", f"a;{n}", "threads")
        assert found is not None
        assert found.tolist() == cells[2 * n + 1].tolist()
    assert segment.read("process", "a;9999", "threads") is None


def test_an_hour_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path, many = tmp_path / "series-0.seg", 16
    random = np.random.default_rng(1)
    cells = (random.integers(1, 2**32, (CHUNK, HOUR_SLOTS), np.uint32) for _ in range(many))
    nodes: list[Row] = [("container", f"c{n}", ("cpu_percent",)) for n in range(many * CHUNK)]
    tracemalloc.start()
    try:
        size = write(path, 0, HOUR_SLOTS, nodes, cells)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        archive = Archive(tmp_path, Ring(10), Counts(), 1e6, 2**40)  # takes the first ten
        archive.open(HOUR_SLOTS * STEP_S)
        _, peak_of_reading = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 2
    assert peak_of_reading < size


@pytest.mark.parametrize("at", [0, 30, -1])
def test_a_damaged_segment_is_noticed(tmp_path: Path, at: int) -> None:
    path = tmp_path / "s"
    write(path, 0, 1, [("host", "a", ("x",))], [np.ones((1, 1), np.uint32)])
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(SegmentError):
        Segment(path).read("host", "a", "x")


@pytest.mark.parametrize("missing", range(1, 180, 12))
async def test_a_segment_that_is_cut_off_costs_what_it_held_and_no_more(
    tmp_path: Path, missing: int
) -> None:
    archive = _archive(tmp_path)
    archive.open(START)
    for at in (START, START + HOUR_S):
        archive.ring.put(keep(_measured(at, 1.0)))
        archive.keep(at + STEP_S)
    await archive.close(START + HOUR_S + STEP_S)
    path = tmp_path / f"series-{START // HOUR_S}.seg"
    path.write_bytes(path.read_bytes()[:-missing])
    again = _archive(tmp_path)
    again.open(START + HOUR_S + 600)
    [earlier, later] = (slot_at(at) for at in (START, START + HOUR_S))
    assert np.isnan(again.read("host", "a", "cpu_percent", earlier, earlier)).all()
    assert again.read("host", "a", "cpu_percent", later, later).tolist() == [1.0]
    assert await again.reports_at(START) == []
    await again.close(START + HOUR_S + 600)


@given(history=histories())
def test_the_topology_of_every_moment_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, history: list[list[Report | str]]
) -> None:
    directory = tmp_path_factory.mktemp("topology")
    log = topology.TopologyLog(directory)
    latest: dict[str, KeptReport] = {}
    moments: list[tuple[float, dict[str, KeptReport]]] = []
    now = 0.0
    for batch in history:
        for said in batch:
            if isinstance(said, Report):
                now = said.taken_at
                before = latest.get(said.agent_id)
                latest[said.agent_id] = keep(said, before)
                log.report(latest[said.agent_id], before)
            elif latest.pop(said, None) is not None:
                now += 1
                log.lost(said, now)
        log.flush(now)
        moments.append((now, dict(latest)))
    log.close()
    for moment, expected in moments:
        current = {id: changes.bare(one.whole()) for id, one in expected.items()
                   if one.report.taken_at > moment - 50}  # fmt: skip
        found = topology.reports_at(directory, moment)
        assert {one.agent_id: one for one in found} == current


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("series-*"))


def _archive(directory: Path) -> Archive:
    return Archive(directory, Ring(100), Counts(), 86400.0, 10**9)


async def test_an_hour_that_is_over_becomes_a_segment_and_is_read_with_the_next(
    tmp_path: Path,
) -> None:
    archive = _archive(tmp_path)
    archive.open(START)
    first = slot_at(START)
    for n in range(HOUR_SLOTS + 40):
        at = START + n * STEP_S
        archive.ring.put(keep(_measured(at, float(n), number=n)))
        archive.keep(at)
        await asyncio.sleep(0)
    await archive.close(at)
    hour = START // HOUR_S
    assert _names(tmp_path) == [
        f"series-{hour}.seg",
        f"series-{hour + 1}.log",
    ]
    again = _archive(tmp_path)
    again.open(at + 600)
    read = again.read("host", "a", "cpu_percent", first, first + HOUR_SLOTS + 39)
    assert read.tolist() == [float(n) for n in range(HOUR_SLOTS + 40)]
    await again.close(at + 600)


async def test_what_a_node_that_is_gone_had_is_known_from_disk(tmp_path: Path) -> None:
    archive = _archive(tmp_path)
    archive.open(START)
    archive.ring.put(keep(_measured(START, 1.0)))
    archive.keep(START + STEP_S)
    later = START + 3 * HOUR_S
    nodes = {"host": [Node(id="b", metrics={"load_1m": 1.0})]}
    archive.ring.put(keep(report("b", taken_at=later, nodes=nodes)))
    archive.keep(later + STEP_S)
    await archive.close(later + STEP_S)
    slot = slot_at(START)
    assert archive.ring.names("host", "a") == ()
    assert await archive.names("host", "a", slot, slot) == ("cpu_percent",)
    assert await archive.names("host", "a", slot_at(later), slot_at(later)) == ()
    assert await archive.names("host", "b", slot, slot) == ("load_1m",)


async def test_an_hour_that_memory_has_left_is_compressed_from_its_log(tmp_path: Path) -> None:
    archive = _archive(tmp_path)
    archive.open(START)
    first = slot_at(START)
    for n in range(HOUR_SLOTS + SLOTS):  # no thread comes to its turn meanwhile
        at = START + n * STEP_S
        archive.ring.put(keep(_measured(at, float(n), number=n)))
        archive.keep(at)
    await archive.close(at)
    again = _archive(tmp_path)
    again.open(at)
    read = again.read("host", "a", "cpu_percent", first, first + HOUR_SLOTS - 1)
    assert read.tolist() == [float(n) for n in range(HOUR_SLOTS)]
    await again.close(at)


async def test_reports_that_come_late_are_kept_too(tmp_path: Path) -> None:
    archive = _archive(tmp_path)
    archive.open(START + 600)
    archive.ring.put(keep(_measured(START + 300, 3.0)))
    archive.keep(START + 700)
    again = _archive(tmp_path)  # as after a kill -9: nothing was closed
    again.open(START + 720)
    slot = slot_at(START + 300)
    assert again.read("host", "a", "cpu_percent", slot, slot).tolist() == [3.0]
    await archive.close(START + 700)
    await again.close(START + 720)


async def test_a_directory_that_cannot_be_written_to_is_counted_and_does_not_stop_the_app(
    tmp_path: Path,
) -> None:
    counts = Counts()
    archive = Archive(tmp_path / "gone", Ring(100), counts, 86400.0, 10**9)
    archive.open(START)
    (tmp_path / "gone").rmdir()
    archive.ring.put(keep(_measured(START + 1, 1.0)))
    archive.keep(START + 20)
    assert counts.history_errors == 1


async def test_a_disk_that_was_full_costs_no_series_when_it_has_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    archive = _archive(tmp_path)
    archive.open(START)
    archive.ring.put(keep(_measured(START, 1.0)))
    archive.keep(START + STEP_S)
    log = tmp_path / f"series-{START // HOUR_S}.log"
    with full_disk(log.stat().st_size + 20):
        for n in (1, 2, 3):  # with a block that the log does not know
            archive.ring.put(keep(_measured(START + n * STEP_S, 1.0 + n, "load_1m", n + 1)))
            archive.keep(START + (n + 1) * STEP_S)
    archive.ring.put(keep(_measured(START + 4 * STEP_S, 5.0, "load_1m", 5)))
    archive.keep(START + 5 * STEP_S)
    again = _archive(tmp_path)  # as after a kill -9
    again.open(START + 6 * STEP_S)
    first = slot_at(START)
    assert again.read("host", "a", "cpu_percent", first, first).tolist() == [1.0]
    read = again.read("host", "a", "load_1m", first + 1, first + 4)
    assert read.tolist() == [2.0, 3.0, 4.0, 5.0]
    said = [record.message for record in caplog.records if "history" in record.message]
    assert (len(said), said[-1]) == (2, "history is written again")
    await archive.close(START + 5 * STEP_S)
    await again.close(START + 6 * STEP_S)


def test_what_is_running_is_known_again_after_a_disk_was_full(tmp_path: Path) -> None:
    log, before = topology.TopologyLog(tmp_path), None
    for number, (ids, size) in enumerate((("a", 10**6), ("ab", 10), ("abc", 10**6))):
        at = START + number * 15.0
        said = report("a", number, taken_at=at, nodes={"host": [Node(id=id) for id in ids]})
        kept = keep(said, before)
        log.report(kept, before)
        with full_disk(size), suppress(OSError):
            log.flush(at)
        before = kept
    [found] = topology.reports_at(tmp_path, START + 40)
    assert {node.id for node in found.nodes["host"]} == {"a", "b", "c"}
    log.close()


async def test_series_go_on_when_the_clock_is_set_back(tmp_path: Path) -> None:
    archive = _archive(tmp_path)
    late, early = START + 1000 * HOUR_S, START
    archive.open(late)
    for at in (late, early, early + STEP_S):
        archive.keep(at)
        archive.ring.put(keep(_measured(at, 1.0)))
        archive.keep(at + STEP_S)
    slots = slot_at(early), slot_at(early) + 1
    assert archive.read("host", "a", "cpu_percent", *slots).tolist() == [1.0, 1.0]
    await archive.close(early + 3 * STEP_S)
    again = _archive(tmp_path)
    again.open(early + 3 * STEP_S)
    assert again.ring.read("host", "a", "cpu_percent", *slots).tolist() == [1.0, 1.0]
    await again.close(early + 3 * STEP_S)


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 100)), max_size=20),
    st.integers(0, 500),
)
def test_what_is_kept_is_young_and_small_and_no_younger_file_has_gone_first(
    files: list[tuple[float, int]], limit: int
) -> None:
    kept = [Kept(Path(str(n)), began, size) for n, (began, size) in enumerate(files)]
    going = retention.superfluous(kept, 1000.0, 500.0, limit)
    staying = [file for file in kept if file not in going]
    assert sum(file.size for file in staying) <= limit
    assert all(file.began_at >= 500.0 for file in staying)
    if going and staying:
        assert max(f.began_at for f in going) <= min(f.began_at for f in staying)


_measured_nodes = st.dictionaries(
    st.sampled_from(["p1", "p2", "p3"]),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(0, 999), min_size=1),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(1, SLOTS // 2), _measured_nodes),
        max_size=30,
    )
)
def test_a_value_is_found_where_it_was_written_whoever_wrote_between(
    steps: list[tuple[str, int, dict[str, dict[str, int]]]],
) -> None:
    ring, slot = Ring(1000), 1000
    expected: dict[tuple[str, str, int], float] = {}
    for agent, pause, measured in steps:
        slot += pause
        nodes = [
            Node(id=id, metrics={name: float(value) for name, value in metrics.items()})
            for id, metrics in measured.items()
        ]
        ring.put(keep(report(agent, taken_at=float(slot * STEP_S), nodes={"process": nodes})))
        expected |= {(one.id, name, slot): v for one in nodes for name, v in one.metrics.items()}
        for (id, name, at), value in expected.items():
            if at > slot - SLOTS:
                assert ring.read("process", id, name, at, at).tolist() == [value]
