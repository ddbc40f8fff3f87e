"""Sandboxes: where they lie, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import container_of, task_info

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import CommandInfo


def container(id_: str = "c1", name: str = "t") -> Container:
    info = task_info(name, command=CommandInfo(value="true"))
    return container_of(info, id_=id_)


def test_the_layout_is_that_of_mesos(tmp_path: Path) -> None:
    path = sandbox.prepare(tmp_path, container(), None)
    assert path == tmp_path / "slaves/A-S0/frameworks/F/executors/t/runs/c1"
    assert {entry.name for entry in path.iterdir()} == {"stdout", "stderr"}
    sandbox.prepare(tmp_path, container("c2"), None)
    assert (path.parent / "latest").readlink() == Path("c2")


def test_preparing_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = sandbox.prepare(tmp_path, container(), None)
    (path / "stdout").write_text("kept")
    sandbox.prepare(tmp_path, container(), None)
    assert (path / "stdout").read_text() == "kept"


@pytest.mark.parametrize("name", ["..", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SandboxError):
        sandbox.prepare(tmp_path, container(name=name), None)


def test_what_a_task_made_of_its_output_files_is_not_followed(tmp_path: Path) -> None:
    path = sandbox.prepare(tmp_path, container(), None)
    (path / "stdout").unlink()
    (path / "stdout").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxError):
        sandbox.prepare(tmp_path, container(), None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_user_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no user 'nobody-at-all'"):
        sandbox.prepare(tmp_path, container(), "nobody-at-all")


def test_a_member_of_a_group_is_not_led_out_of_its_executors_sandbox(tmp_path: Path) -> None:
    member = replace(container("c2"), parent_id="c1")
    path = sandbox.prepare(tmp_path / "w", member, None)
    assert path.relative_to(tmp_path / "w").parts[-4:] == ("runs", "c1", "containers", "c2")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.parent.rename(path.parent.with_name("old"))
    path.parent.symlink_to(elsewhere)
    with pytest.raises(SandboxError, match="A link leads from"):
        sandbox.prepare(tmp_path / "w", member, None)
    assert not list(elsewhere.rglob("stdout"))
