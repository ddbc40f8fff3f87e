"""The agent's HTTP API, as Mesos' web UI and exporters use it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.integration.agent.asking import get, get_json, sandbox_of
from tests.integration.agent.fake_master import AGENT, FakeMaster, task
from tests.support import eventually

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import TaskState as State

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]


async def test_state_shows_tasks_resources_and_sandboxes(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", resources="cpus:1;ports:[31000-31001]"))
    await master.status("a", State.RUNNING)
    for path in ("/state", "/slave(1)/state"):
        state = await get_json(agent, path)
        assert isinstance(state, dict)
        assert state["id"] == AGENT.value
        assert state["pid"] == f"slave(1)@127.0.0.1:{agent.port}"
        assert state["used_resources"]["cpus"] == 1.0
        assert state["used_resources"]["ports"] == "[31000-31001]"
        (executor,) = state["frameworks"][0]["executors"]
        assert executor["tasks"][0]["state"] == "TASK_RUNNING"
        assert executor["directory"] == str(sandbox_of(data_dir, "a").resolve())
    await master.kill("a")
    await master.status("a", State.KILLED)
    await eventually(lambda: agent.agent.book.completed)
    state = await get_json(agent, "/state")
    assert isinstance(state, dict)
    (gone,) = state["completed_frameworks"]
    assert gone["completed_executors"][0]["completed_tasks"][0]["state"] == "TASK_KILLED"


async def test_files_of_a_sandbox_can_be_browsed_and_read(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "echo hello; mkdir d; ln -s /etc/passwd link"))
    await master.status("a", State.FINISHED)
    sandbox = str(sandbox_of(data_dir, "a"))
    listing = await get_json(agent, "/files/browse", path=sandbox)
    assert isinstance(listing, list)
    assert [Path(f["path"]).name for f in listing] == ["d", "link", "stderr", "stdout"]
    modes = {Path(f["path"]).name: f["mode"][0] for f in listing}
    assert modes == {"d": "d", "link": "l", "stderr": "-", "stdout": "-"}
    out = f"{sandbox}/stdout"
    for query, answer in (
        ({}, {"data": "", "offset": 6}),
        ({"offset": "-1"}, {"data": "", "offset": 6}),
        ({"offset": "0"}, {"data": "hello\n", "offset": 0}),
        ({"offset": "1", "length": "3"}, {"data": "ell", "offset": 1}),
        ({"offset": "99"}, {"data": "", "offset": 6}),
    ):
        assert await get_json(agent, "/files/read", path=out, **query) == answer
    assert await get(agent, "/files/download", path=out) == (200, b"hello\n")


@pytest.mark.parametrize("what", ["browse", "read", "download"])
async def test_nothing_outside_the_sandboxes_can_be_read(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, what: str
) -> None:
    await master.run(task("a", "ln -s /etc/passwd link; ln -s / root"))
    await master.status("a", State.FINISHED)
    sandbox = sandbox_of(data_dir, "a")
    for path in (
        "/etc/passwd",
        str(data_dir / "agent.db"),
        f"{sandbox}/link",
        f"{sandbox}/root/etc",
        f"{sandbox}/../../../../../../../../agent.db",
        "relative",
        "",
        "x\0y",
    ):
        status, body = await get(agent, f"/files/{what}", path=path, offset="0")
        assert status in (400, 404), path
        assert b"root:" not in body


@pytest.mark.parametrize(
    ("query", "status"),
    [({"offset": "x"}, 400), ({"offset": "-2"}, 400), ({"offset": "0", "length": "-5"}, 400)],
)
async def test_impossible_ranges_are_refused(
    agent: RunningAgent, query: dict[str, str], status: int
) -> None:
    assert (await get(agent, "/files/read", path="/x", **query))[0] == status


async def test_statistics_and_containers_show_what_runs(
    master: FakeMaster, agent: RunningAgent
) -> None:
    await master.run(task("a", "sleep 1000 & wait", resources="cpus:0.5;mem:64"))
    await master.status("a", State.RUNNING)
    for path in ("/monitor/statistics", "/containers", "/slave(1)/monitor/statistics"):
        (shown,) = cast(list[dict[str, Any]], await get_json(agent, path))
        assert shown["executor_id"] == shown["source"] == "a"
        figures = shown["statistics"]
        assert (figures["cpus_limit"], figures["mem_limit_bytes"]) == (0.5, 64 * 2**20)
        assert figures["mem_rss_bytes"] > 0
        assert figures["processes"] >= 1


async def test_metrics_are_served_in_both_forms(master: FakeMaster, agent: RunningAgent) -> None:
    await master.run(task("a"), task("b", "true"))
    await master.status("a", State.RUNNING)
    await master.status("b", State.FINISHED)
    figures = await get_json(agent, "/metrics/snapshot")
    assert isinstance(figures, dict)
    assert figures["slave/registered"] == 1
    assert figures["slave/tasks_running"] == 1
    assert figures["slave/tasks_finished"] == 1
    assert figures["slave/cpus_total"] == 4
    assert figures["slave/cpus_used"] == pytest.approx(0.1)
    _, text = await get(agent, "/metrics")
    assert b'agent_tasks{state="running"} 1.0' in text


async def test_flags_are_the_settings(agent: RunningAgent, data_dir: Path) -> None:
    shown = await get_json(agent, "/flags")
    assert isinstance(shown, dict)
    assert shown["flags"]["work_dir"] == shown["flags"]["data_dir"] == str(data_dir)


async def test_version_health_and_jsonp(agent: RunningAgent) -> None:
    version = await get_json(agent, "/version")
    assert isinstance(version, dict)
    assert all(part.isdigit() for part in version["version"].split("."))
    assert (await get(agent, "/health"))[0] == 200
    assert (await get(agent, "/version", jsonp="cb"))[1].startswith(b'cb({"version"')
    assert (await get(agent, "/version", jsonp="alert(1)//"))[0] == 400
    assert (await get(agent, "/nothing"))[0] == 404
