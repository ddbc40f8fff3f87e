"""Which paths of the machine a task may mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.agent.adapters.policy import Policy


def refusal(path: str, *, read_only: bool = False, **fields: object) -> str | None:
    policy = Policy(**{"closed": ("/agent",), **fields})  # type: ignore[arg-type]
    return policy.refusal_of_volume(path, read_only=read_only)


@pytest.mark.parametrize("path", ["/data", "/var/log/app", "/home/x", "/mnt", "/etcetera"])
def test_ordinary_paths_are_mounted(path: str) -> None:
    assert refusal(path) is None


@pytest.mark.parametrize("path", ["/", "/etc/shadow", "/dev", "/var/lib", "/agent/x", "/sys", "//"])
def test_the_machines_own_paths_are_not_even_to_be_read(path: str) -> None:
    assert refusal(path, read_only=True) is not None
    assert refusal(path, allow_privileged=True) is None


def test_programs_and_some_facts_of_the_machine_can_be_read() -> None:
    for path in ("/usr/share/x", "/etc/localtime", "/etc/ssl/certs"):
        assert refusal(path, read_only=True) is None
        assert refusal(path) is not None


def test_the_operator_chooses_directories() -> None:
    chosen = ("/data", "/etc/app")
    assert refusal("/data/x", host_volumes=chosen) is None
    assert refusal("/etc/app", host_volumes=chosen) is None
    assert "/data, /etc/app" in (refusal("/database", host_volumes=chosen) or "")
    assert "none" in (refusal("/data", host_volumes=()) or "")
    assert refusal("/agent/x", host_volumes=("/agent",)) is not None  # the agent's own stays closed


def test_a_link_is_judged_by_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert refusal(str(tmp_path)) is None
    assert refusal(str(tmp_path / "link/shadow")) is not None
