"""Backups: what is written is read back, and what is damaged is refused whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.marathon.adapters import backup
from orchestrator.marathon.adapters.backup import BackupError
from orchestrator.marathon.core import stored_format

OBJECTS = {"apps/web": b'{"id":"/web"}', "framework": b"f-1", "format": b"1"}
of_any_state = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.binary(max_size=40)
)
with_files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def written(directory: Path, objects: dict[str, bytes] | None = None) -> Path:
    path = directory / "backup"
    path.unlink(missing_ok=True)
    backup.write(path, OBJECTS if objects is None else objects, "2026-05-01T10:00:00.000Z")
    return path


@with_files
@given(of_any_state)
def test_whatever_is_written_is_read_back(tmp_path: Path, state: dict[str, bytes]) -> None:
    state.pop(stored_format.KEY, None)
    assert backup.read(written(tmp_path, state)) == state


@with_files
@given(st.data())
def test_a_file_with_any_byte_changed_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 2))  # the last line's end says nothing
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(BackupError):
        backup.read(path)


@with_files
@given(st.data())
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 2))])
    with pytest.raises(BackupError):
        backup.read(path)


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        backup.write(path, OBJECTS, "")
    assert path.read_text() == "precious"
    assert [each.name for each in tmp_path.iterdir()] == ["precious"]


def test_a_place_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No such file or directory"):
        backup.write(tmp_path / "nowhere" / "backup", OBJECTS, "")
    with pytest.raises(BackupError, match="No such file or directory"):
        backup.read(tmp_path / "backup")


def rewritten(path: Path, **head: object) -> Path:
    """The file with another head, and a checksum that fits."""
    lines = path.read_bytes().splitlines(keepends=True)[:-1]
    lines[0] = json.dumps(json.loads(lines[0]) | head).encode() + b"\n"
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    path.write_bytes(b"".join(lines) + json.dumps({"sha256": digest}).encode())
    return path


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ({"version": 2}, "newer Orchestrator"),
        ({"backup": "other"}, "no backup of a Marathon"),
        ({"objects": 4}, "holds 3 objects of 4"),
    ],
)
def test_a_head_of_another_program_is_refused(
    tmp_path: Path, head: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BackupError, match=sentence):
        backup.read(rewritten(written(tmp_path), **head))


def test_state_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text().replace('"value":"MQ=="', '"value":"OTk="')  # 1 -> 99
    path.write_text(text)
    with pytest.raises(BackupError, match="newer Orchestrator"):
        backup.read(rewritten(path))
