"""What is wanted of probes outlives an app, and is the same wherever it was told in any order."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from orchestrator.monitoring.app.wanted import Wanted
from orchestrator.monitoring.report.agents import ProbeSettings

QUICK, SLOW = ProbeSettings(interval_s=5.0), ProbeSettings(interval_s=60.0)


def test_what_was_wanted_is_wanted_by_the_next_app(tmp_path: Path) -> None:
    kept = Wanted(tmp_path / "probes.json").want("a", QUICK, 1000.0)
    assert (kept.interval_s, kept.revision) == (5.0, 1000)
    after = Wanted(tmp_path / "probes.json")
    assert after.of("a") == kept
    assert after.of("b") == ProbeSettings()


def test_a_revision_grows_though_the_clock_does_not(tmp_path: Path) -> None:
    wanted = Wanted(tmp_path / "probes.json")
    revisions = [wanted.want("a", QUICK, now).revision for now in (1000.0, 1000.5, 900.0, 2000.0)]
    assert revisions == [1000, 1001, 1002, 2000]


def test_the_latest_is_wanted_in_whatever_order_it_is_told(tmp_path: Path) -> None:
    said = [
        {"a": ProbeSettings(1000, 5.0), "b": ProbeSettings(1001, 5.0)},
        {"a": ProbeSettings(1002, 60.0)},
        {"b": ProbeSettings(900, 60.0)},
    ]
    for number, order in enumerate(permutations(said)):
        wanted = Wanted(tmp_path / f"probes{number}.json")
        for one in order:
            wanted.merge(one)
        assert wanted.everything() == {
            "a": ProbeSettings(1002, 60.0), "b": ProbeSettings(1001, 5.0),
        }  # fmt: skip
        assert Wanted(tmp_path / f"probes{number}.json").everything() == wanted.everything()


def test_only_what_was_asked_here_is_news_for_others(tmp_path: Path) -> None:
    wanted = Wanted(tmp_path / "probes.json")
    wanted.merge({"a": ProbeSettings(1000, 5.0)})
    assert not wanted.changed.is_set()
    wanted.want("a", SLOW, 2000.0)
    assert wanted.changed.is_set()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"a": {"interval_s": -1}}', b"\xff"])
def test_a_damaged_file_is_said_and_begun_anew(
    tmp_path: Path, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "probes.json"
    path.write_bytes(text)
    wanted = Wanted(path)
    assert str(path) in caplog.text
    wanted.want("a", QUICK, 1000.0)
    assert Wanted(path).of("a").interval_s == 5.0


def test_what_cannot_be_kept_is_not_wanted(tmp_path: Path) -> None:
    wanted = Wanted(tmp_path / "probes.json")
    before = wanted.want("a", QUICK, 1000.0)
    (tmp_path / "probes.part").mkdir()
    with pytest.raises(OSError, match=r"probes\.part"):
        wanted.want("a", SLOW, 2000.0)
    assert wanted.of("a") == before
