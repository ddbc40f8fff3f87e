"""When sandboxes are removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.test_sandbox import container

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.garbage import Collector, Policy, usage
from orchestrator.agent.core.retention import Sandbox, allowed_age_s, garbage

WEEK_S = 7 * 24 * 3600.0
parts = st.floats(0, 1)
sandboxes = st.builds(
    Sandbox,
    path=st.just("p"),
    container_id=st.text(),
    changed_at=st.floats(0, 1e9),
    is_in_use=st.booleans(),
)


def test_the_allowed_age_is_that_of_mesos() -> None:
    assert allowed_age_s(WEEK_S, 0.1, 0.4) == WEEK_S * 0.5
    assert allowed_age_s(WEEK_S, 0.1, 0.95) == 0.0


@given(parts, parts, parts)
def test_a_fuller_disk_never_lets_sandboxes_grow_older(a: float, b: float, headroom: float) -> None:
    fuller, emptier = max(a, b), min(a, b)
    assert 0 <= allowed_age_s(WEEK_S, headroom, fuller) <= allowed_age_s(WEEK_S, headroom, emptier)


@given(st.lists(sandboxes), st.floats(0, 1e9), st.floats(0, 1e9))
def test_nothing_in_use_is_garbage_and_all_else_that_is_too_old(
    found: list[Sandbox], age_s: float, now: float
) -> None:
    over = garbage(found, age_s, now)
    assert not any(one.is_in_use for one in over)
    kept = [one for one in found if one not in over]
    assert all(one.is_in_use or now - one.changed_at < age_s for one in kept)
    assert over == sorted(over, key=lambda one: one.changed_at)


def collector(
    work_dir: Path, used: set[str], on_removed: Callable[[str], None] = lambda _: None
) -> Collector:
    policy = Policy(delay_s=100.0, headroom=0.1, interval_s=60.0)
    return Collector(work_dir, policy, used.__contains__, on_removed)


def test_old_sandboxes_go_with_the_directories_above_them(tmp_path: Path) -> None:
    old = sandbox.prepare(tmp_path, container("old", name="a"), None)
    used = sandbox.prepare(tmp_path, container("used", name="b"), None)
    removed: list[str] = []
    garbage_ = collector(tmp_path, {"used"}, removed.append)
    assert garbage_.collect(time.time() + 50, used=0.0) == 0
    assert garbage_.collect(time.time() + 95, used=0.0) == 1
    assert removed == ["old"]
    assert not old.parent.parent.exists()
    assert used.exists()


def test_a_full_disk_spares_only_what_is_in_use(tmp_path: Path) -> None:
    sandbox.prepare(tmp_path, container("ended", name="a"), None)
    used = sandbox.prepare(tmp_path, container("used", name="b"), None)
    assert collector(tmp_path, {"used"}).collect(time.time(), used=0.9) == 1
    assert used.exists()


def test_the_age_counts_from_the_end_of_the_task(tmp_path: Path) -> None:
    path = sandbox.prepare(tmp_path, container("c1"), None)
    used = {"c1"}
    garbage_ = collector(tmp_path, used)
    garbage_.collect(time.time() + 1000, used=0.0)
    before = path.stat().st_ctime
    used.clear()
    garbage_.collect(time.time(), used=0.0)
    assert path.stat().st_ctime > before


def test_a_link_to_elsewhere_is_removed_and_not_followed(tmp_path: Path) -> None:
    path = sandbox.prepare(tmp_path / "w", container("c1"), None)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (path / "link").symlink_to(tmp_path / "precious")
    assert collector(tmp_path / "w", set()).collect(time.time() + 1000, used=0.0) == 1
    assert (tmp_path / "precious/file").exists()


def test_usage_is_a_part_of_the_disk(tmp_path: Path) -> None:
    assert 0 <= usage(tmp_path) <= 1
