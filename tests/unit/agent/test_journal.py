"""What the supervisor remembers over its own death."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.agent.adapters.supervisor import journal, wire
from orchestrator.agent.adapters.supervisor.journal import Entry, Journal
from orchestrator.agent.adapters.supervisor.wire import Exited, WireError


def test_what_was_put_is_there_again_and_what_was_dropped_is_not(tmp_path: Path) -> None:
    first = Journal(str(tmp_path / "j"))
    running = Entry("a", 7, 99, kill_at=12.5)
    ended = Entry("b", 8, 99, exited=Exited("b", code=3))
    for entry in (Entry("a"), running, ended, Entry("c")):
        assert first.put(entry) is None
    first.drop("c")
    again = Journal(str(tmp_path / "j"))
    assert again.entries == {"a": running, "b": ended}
    assert again.running == {"a": running}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_last_line_cut_short_is_ignored(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    Journal(str(path)).put(Entry("a", 7, 99))
    path.write_bytes(
        path.read_bytes() + b'{"container_id":"b","pid":8,"start":1,"kill_at":null'[:cut]
    )
    again = Journal(str(path))
    assert set(again.entries) == {"a"}
    again.put(Entry("c", 9, 9))
    assert set(Journal(str(path)).entries) == {"a", "c"}


def test_nothing_of_an_earlier_boot_runs(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = Journal(str(path))
    for entry in (Entry("a", 7, 99), Entry("b"), Entry("c", 8, 1, exited=Exited("c", code=0))):
        first.put(entry)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({"boot": "another"}), *lines[1:]]))
    again = Journal(str(path))
    assert again.running == {}
    assert again.entries["a"].exited == Exited("a", problem="the machine was restarted")
    assert again.entries["b"].exited == Exited(
        "b", problem="the machine was restarted", started=False
    )
    assert again.entries["c"].exited == Exited("c", code=0)


def test_the_file_does_not_grow_with_what_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "COMPACT_AFTER_LINES", 100)
    kept = Journal(str(tmp_path / "j"))
    for number in range(1000):
        kept.put(Entry(str(number), number, 1))
        kept.drop(str(number))
    assert len((tmp_path / "j").read_bytes().splitlines()) <= 102
    kept.put(Entry("last", 1, 1))
    assert set(Journal(str(tmp_path / "j")).entries) == {"last"}


@pytest.mark.parametrize(
    "message",
    [
        wire.Launch("a", ["sh", "-c", "echo 'ü'\n"], {"A": "b=c"}, "/d", "user", "/bin/sh"),
        wire.Kill("a", 1.5),
        wire.Forget("a"),
        wire.List(),
        wire.Shutdown(),
        wire.Spawned("a", 5, True),
        wire.Exited("a", signal=9),
        wire.Listed(),
    ],
)
def test_every_message_survives_the_wire(message: wire.Request | wire.Event) -> None:
    line = wire.encode(message)
    assert line.count(b"\n") == 1
    assert wire.decode(line) == message


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"{}", b'{"type":"No"}', b'{"type":"Kill"}'])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(line)
