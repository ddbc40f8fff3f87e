"""Output files that are cut while a task writes to them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.support import eventually

from orchestrator.agent.adapters.logs import files as log_files
from orchestrator.agent.adapters.logs.book import LogBook
from orchestrator.agent.adapters.logs.files import LogFile
from orchestrator.agent.adapters.logs.ledger import Key, Ledger, Marks
from orchestrator.agent.adapters.logs.rotation import RotationLimits, Rotator
from orchestrator.agent.core.logs import LogSource

KB = 1024
KEY = ("c1", "stdout")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "logs.db")
    yield ledger
    ledger.close()


@pytest.fixture
def file(tmp_path: Path, ledger: Ledger) -> LogFile:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/stdout").touch()
    return LogFile(tmp_path / "run", KEY, ledger)


def append(file: LogFile, data: bytes) -> None:
    with file.path.open("ab") as out:
        out.write(data)


def numbers(start: int, end: int) -> bytes:
    return b"".join(b"%07d\n" % i for i in range(start, end))


def whole(file: LogFile) -> bytes:
    rotated = file.path.with_name("stdout.1")
    return (rotated.read_bytes() if rotated.exists() else b"") + file.path.read_bytes()


def can_collapse(path: Path) -> bool:
    """Whether the file system of the tests can take the front off a file."""
    probe = path / "probe"
    probe.write_bytes(b"x" * 8192)
    with probe.open("r+b") as opened:
        code: int = log_files._libc.fallocate(opened.fileno(), 0x08, 0, 4096)
    probe.unlink()
    return code == 0


def test_a_file_over_its_limit_goes_on_without_its_front(file: LogFile) -> None:
    data = numbers(0, 20_000)
    append(file, data)
    assert file.rotate(len(data), 1) is None
    done = file.rotate(150 * KB, 1)
    assert done is not None
    assert done.dropped > 0
    assert file.path.stat().st_size <= 4096
    assert data.endswith(whole(file))
    assert file.path.with_name("stdout.1").stat().st_size == 150 * KB
    assert file.end() == len(data)


def test_as_many_rotated_files_are_kept_as_asked_for(file: LogFile) -> None:
    for i in range(5):
        append(file, numbers(i * 2000, (i + 1) * 2000))
        file.rotate(8 * KB, 3)
    names = sorted(path.name for path in file.path.parent.iterdir())
    assert names == ["stdout", "stdout.1", "stdout.2", "stdout.3"]


def test_a_file_far_over_its_limit_is_emptied_at_once(file: LogFile) -> None:
    data = numbers(0, 20_000)
    append(file, data)
    done = file.rotate(8 * KB, 1)
    assert done is not None
    assert (file.size(), done.bytes) == (0, len(data))
    assert file.path.with_name("stdout.1").stat().st_size == 8 * KB == done.bytes - done.dropped


def test_none_are_kept_where_none_is_asked_for(file: LogFile) -> None:
    append(file, numbers(0, 10_000))
    done = file.rotate(8 * KB, 0)
    assert done is not None
    assert done.dropped == done.bytes
    assert [path.name for path in file.path.parent.iterdir()] == ["stdout"]


def test_no_byte_is_lost_under_a_writer(file: LogFile, tmp_path: Path) -> None:
    if not can_collapse(tmp_path):
        pytest.skip("the file system cannot take the front off a file")
    script = "import os\nfor i in range(60_000): os.write(1, b'%07d\\n' % i)"
    flags = os.O_WRONLY | os.O_APPEND
    out = os.open(file.path, flags)
    writer = subprocess.Popen([sys.executable, "-c", script], stdout=out)
    os.close(out)
    seen, rotations = bytearray(), 0
    while writer.poll() is None or file.end() > len(seen):
        piece = file.read(len(seen), 64 * KB)
        assert piece.dropped == 0
        seen += piece.data
        rotations += len(seen) > file.end() - 4 * KB and bool(file.rotate(128 * KB, 1))
    assert bytes(seen) == numbers(0, 60_000)
    assert rotations > 1


def test_where_the_front_cannot_be_taken_off_the_file_is_emptied(ledger: Ledger) -> None:
    directory = Path(f"/dev/shm/test-rotation-{os.getpid()}")
    directory.mkdir()
    try:
        if can_collapse(directory):
            pytest.skip("even /dev/shm can take the front off a file")
        file = LogFile(directory, KEY, ledger)
        data = numbers(0, 10_001)
        file.path.write_bytes(data)
        file.rotate(len(data) - 1, 1)
        assert whole(file) == data
        assert file.path.stat().st_size == 0
        assert file.end() == len(data)
    finally:
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()


# --- what a task may do ---------------------------------------------------------------------------


def victim(file: LogFile) -> Path:
    path = file.path.parent.parent / "victim"
    path.write_bytes(numbers(0, 10_000))
    return path


def by_link(file: LogFile) -> Path:
    path = victim(file)
    file.path.unlink()
    file.path.symlink_to(path)
    return path


def by_second_name(file: LogFile) -> Path:
    path = victim(file)
    file.path.unlink()
    file.path.hardlink_to(path)
    return path


def by_its_directory(file: LogFile) -> Path:
    elsewhere = file.path.parent.parent / "elsewhere"
    elsewhere.mkdir()
    path = victim(file).rename(elsewhere / "stdout")
    file.path.parent.rename(file.path.parent.with_name("old"))
    file.path.parent.symlink_to(elsewhere)
    return path


@pytest.mark.parametrize("exchange", [by_link, by_second_name, by_its_directory])
def test_nobody_elses_file_is_touched_or_read(
    file: LogFile, exchange: Callable[[LogFile], Path]
) -> None:
    path = exchange(file)
    with pytest.raises(OSError):
        file.rotate(8 * KB, 1)
    with pytest.raises(OSError):
        file.read(0, KB)
    assert path.read_bytes() == numbers(0, 10_000)


def test_what_stands_in_the_way_costs_the_task_its_older_output_only(file: LogFile) -> None:
    (file.path.parent / ".stdout.rotating").mkdir()
    append(file, numbers(0, 10_000))
    done = file.rotate(8 * KB, 1)
    assert done is not None
    assert done.dropped == done.bytes
    assert file.path.stat().st_size <= 4096


def test_a_task_that_empties_its_file_is_read_from_the_start_again(file: LogFile) -> None:
    append(file, b"before\n")
    assert file.read(0, KB).data == b"before\n"
    file.path.write_bytes(b"x\n")
    assert file.read(7, KB).data == b"x\n"


# --- deaths in between ----------------------------------------------------------------------------


def interrupted(fd: int, end: int) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("was_cut", [False, True])
def test_a_death_in_the_middle_of_a_cut_is_put_right(
    file: LogFile,
    ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    was_cut: bool,
) -> None:
    if not can_collapse(tmp_path):
        pytest.skip("the file system cannot take the front off a file")
    data = numbers(0, 4_000)
    append(file, data)
    if was_cut:
        saves: list[Mapping[Key, Marks]] = []
        monkeypatch.setattr(ledger, "save", saves.append)
        file.rotate(8 * KB, 1)
        monkeypatch.undo()
        ledger.save(saves[0])  # the last one was not reached
    else:
        monkeypatch.setattr(file, "_remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            file.rotate(8 * KB, 1)
    again = LogFile(file.path.parent, KEY, ledger)
    assert again.end() == len(data)
    assert again.path.stat().st_size <= 4096
    at = again.marks.cut
    assert again.read(at, 8 * KB).data == data[at:]


def test_a_ledger_that_cannot_be_written_stops_no_rotation(file: LogFile, ledger: Ledger) -> None:
    ledger.close()
    append(file, numbers(0, 10_000))
    file.rotate(8 * KB, 1)
    assert file.size() <= 4096
    assert file.end() > 0


def test_a_damaged_ledger_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "logs.db").write_bytes(b"this is no database, however long it goes on" * 100)
    ledger = Ledger(tmp_path / "logs.db")
    assert ledger.sources() == []
    ledger.close()


# --- the loop -------------------------------------------------------------------------------------


def book_of(ledger: Ledger, directory: Path) -> LogBook:
    source = LogSource(
        container_id="c1",
        directory=str(directory),
        agent_id="a",
        framework_id="f",
        executor_id="e",
        task_id="t",
    )
    return LogBook(ledger, lambda: ["c1"], lambda _: source, ships=False)


async def test_a_task_that_writes_without_end_does_not_fill_the_disk(
    file: LogFile, ledger: Ledger
) -> None:
    limits = RotationLimits(max_bytes={"stdout": 1024 * KB, "stderr": KB}, kept_files=1)
    rotator = Rotator(book_of(ledger, file.path.parent), limits)
    out = os.open(file.path, os.O_WRONLY | os.O_APPEND)
    writer = await asyncio.create_subprocess_exec(
        *("/bin/dd", "if=/dev/zero", "bs=64k"), stdout=out, stderr=asyncio.subprocess.DEVNULL
    )
    os.close(out)
    looking = asyncio.create_task(rotator.run())
    try:
        largest, deadline = 0, time.monotonic() + 2.0
        await eventually(lambda: rotator.rotations > 0)
        while time.monotonic() < deadline:
            largest = max(largest, file.size())
            await asyncio.sleep(0.01)
    finally:
        writer.kill()
        await writer.wait()
        looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert rotator.rotations > 3
    assert file.path.with_name("stdout.1").stat().st_size <= 1024 * KB
    written = file.end()
    assert largest < written / 2, "it was cut while it grew"


def test_marks_of_the_past_are_kept(file: LogFile, ledger: Ledger) -> None:
    ledger.save({KEY: replace(file.marks, cut=4096, shipped=5000)})
    assert LogFile(file.path.parent, KEY, ledger).marks.shipped == 5000
    ledger.forget(["c1"])
    assert ledger.marks(KEY).shipped == 0
