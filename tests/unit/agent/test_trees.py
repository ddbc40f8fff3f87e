"""Directories that tasks filled are removed, whatever they made of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters import trees
from orchestrator.agent.adapters.garbage import Collector, Policy

DEEP = 3000
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


def make_deep(directory: Path, levels: int) -> None:
    """More levels than a path can have characters for."""
    directory.mkdir(parents=True)
    fd = os.open(directory, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)


@given(files=st.sets(PATHS), directories=st.sets(PATHS))
def test_everything_is_removed(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], directories: set[str]
) -> None:
    top = tmp_path_factory.mktemp("trees") / "top"
    top.mkdir()
    for name in directories:
        (top / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        if not (top / name).exists() and all(
            not parent.is_file() for parent in (top / name).parents
        ):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).touch()
    trees.remove(top)
    assert not top.exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    top = tmp_path / "top"
    (top / "inside").mkdir(parents=True)
    (top / "link").symlink_to(tmp_path / "kept")
    (top / "inside/link").symlink_to(tmp_path / "kept")
    trees.remove(top)
    assert (tmp_path / "kept/file").exists()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(OSError, match="link"):
        trees.remove(tmp_path / "link")


def test_a_sandbox_of_thousands_of_levels_is_collected_like_any_other(tmp_path: Path) -> None:
    run = tmp_path / "slaves/S/frameworks/F/executors/E/runs/c"
    make_deep(run, DEEP)
    collector = Collector(
        tmp_path, Policy(delay_s=0.0, headroom=0.0, interval_s=1.0), lambda _: False
    )
    assert collector.collect(time.time() + 10, used=0.5) == 1
    assert not run.exists()
