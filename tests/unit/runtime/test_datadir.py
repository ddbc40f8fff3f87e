"""A data directory belongs to one process at a time."""

from pathlib import Path

import pytest

from orchestrator.runtime.datadir import DataDirError, claim


def test_a_claim_creates_the_directory(tmp_path: Path) -> None:
    with claim(tmp_path / "a" / "b") as path:
        assert path.is_dir()


def test_a_second_claim_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(DataDirError, match="in use by another"), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass


def test_a_path_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirError, match=r"cannot use the data directory .*/file/x"):
        claim(tmp_path / "file" / "x").__enter__()
