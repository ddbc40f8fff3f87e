"""The agent's operator API: what is read over it, in JSON and protobuf, and how it refuses."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.fake_master import AGENT, FakeMaster, task
from tests.integration.agent.operating import Operator, operator_of

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos import media, protobuf
from orchestrator.mesos.agent_api import Call, CallType, Response
from orchestrator.mesos.operator import GetMetricsCall
from orchestrator.mesos.types import TaskState as State

PROTOBUF = media.PROTOBUF.type
READING = [
    CallType.GET_HEALTH,
    CallType.GET_FLAGS,
    CallType.GET_VERSION,
    CallType.GET_METRICS,
    CallType.GET_LOGGING_LEVEL,
    CallType.GET_STATE,
    CallType.GET_CONTAINERS,
    CallType.GET_FRAMEWORKS,
    CallType.GET_EXECUTORS,
    CallType.GET_OPERATIONS,
    CallType.GET_TASKS,
    CallType.GET_AGENT,
    CallType.GET_RESOURCE_PROVIDERS,
]


@pytest.fixture
async def operator(agent: RunningAgent) -> AsyncIterator[Operator]:
    async with operator_of(agent) as operator:
        yield operator


async def in_protobuf(operator: Operator, call: Call) -> Response:
    headers = {"Content-Type": PROTOBUF, "Accept": PROTOBUF}
    body = protobuf.encode(call)
    async with operator.http.post(operator.url, data=body, headers=headers) as response:
        assert (response.status, response.content_type) == (200, PROTOBUF)
        return protobuf.decode(Response, await response.read())


async def test_everything_can_be_read_in_both_forms(master: FakeMaster, operator: Operator) -> None:
    await master.run(task("a", "sleep 1000"), task("b", "true"))
    await master.status("b", State.FINISHED)
    await master.status("a", State.RUNNING)
    for type_ in READING:
        field = type_.value.lower()
        body = {"timeout": {"nanoseconds": 1}} if type_ is CallType.GET_METRICS else {}
        status, answer = await operator.call(type_, **body)
        assert (status, answer["type"]) == (200, type_), answer
        assert field in answer
        metrics = GetMetricsCall() if body else None
        call = Call(type=type_, get_metrics=metrics)
        response = await in_protobuf(operator, call)
        assert response.type.value == type_.value
        assert getattr(response, field) is not None


async def test_tasks_executors_and_containers_are_shown(
    master: FakeMaster, operator: Operator
) -> None:
    await master.run(task("a", "sleep 1000"), task("b", "true"))
    await master.status("b", State.FINISHED)
    running = await master.status("a", State.RUNNING)
    _, answer = await operator.call("GET_STATE")
    state = answer["get_state"]
    tasks = state["get_tasks"]
    assert [one["task_id"]["value"] for one in tasks["launched_tasks"]] == ["a"]
    past = tasks["terminated_tasks"] + tasks["completed_tasks"]
    assert [one["state"] for one in past] == ["TASK_FINISHED"]
    (executor,) = state["get_executors"]["executors"]
    assert executor["executor_info"]["name"] == "Command Executor (Task: a)"
    (framework,) = state["get_frameworks"]["frameworks"]
    assert framework["framework_info"]["id"] == {"value": "m-0000"}
    _, answer = await operator.call("GET_CONTAINERS")
    (container,) = answer["get_containers"]["containers"]
    assert running.container_status
    assert running.container_status.container_id
    assert container["container_id"] == {"value": running.container_status.container_id.value}
    assert container["executor_id"] == {"value": "a"}
    assert container["resource_statistics"]["mem_rss_bytes"] > 0
    _, answer = await operator.call("GET_AGENT")
    assert answer["get_agent"]["agent_info"]["id"] == {"value": AGENT.value}


async def test_sandboxes_are_listed_and_read(
    master: FakeMaster, operator: Operator, data_dir: Path
) -> None:
    await master.run(task("a", "echo hello; ln -s /etc/passwd out"))
    await master.status("a", State.FINISHED)
    sandbox = str(sandbox_of(data_dir, "a"))
    _, answer = await operator.call("LIST_FILES", path=sandbox)
    infos = answer["list_files"]["file_infos"]
    assert [Path(info["path"]).name for info in infos] == ["out", "stderr", "stdout"]
    read = {"path": f"{sandbox}/stdout", "offset": 1}
    assert await operator.call("READ_FILE", **read, length=3) == (
        200,
        {"type": "READ_FILE", "read_file": {"size": 6, "data": "ZWxs"}},
    )
    for path, status in (("/etc/passwd", 404), (f"{sandbox}/out", 404), (sandbox, 400)):
        assert (await operator.call("READ_FILE", path=path, offset=0))[0] == status
    assert (await operator.call("LIST_FILES", path="/etc"))[0] == 404


async def test_the_logging_level_is_raised_for_a_while(operator: Operator) -> None:
    before = logging.getLogger().level
    duration = {"nanoseconds": 100_000_000}
    assert (await operator.call("SET_LOGGING_LEVEL", level=2, duration=duration))[0] == 200
    _, answer = await operator.call("GET_LOGGING_LEVEL")
    assert answer["get_logging_level"] == {"level": 2}
    assert logging.getLogger().level == logging.DEBUG
    assert (await operator.call("SET_LOGGING_LEVEL", level=99, duration=duration))[0] == 400
    logging.getLogger().setLevel(before)


async def test_refusals_have_the_status_codes_of_mesos(operator: Operator) -> None:
    for type_, status in (
        ("UNKNOWN", 501),
        ("ADD_RESOURCE_PROVIDER_CONFIG", 501),
        ("MARK_RESOURCE_PROVIDER_GONE", 501),
        ("READ_FILE", 400),
        ("NO_SUCH_TYPE", 400),
    ):
        assert (await operator.call(type_))[0] == status, type_
    for id_ in ({"value": "x"}, {"value": "x", "parent": {"value": "y"}}):
        assert (await operator.call("WAIT_CONTAINER", container_id=id_))[0] == 404
        assert (await operator.call("KILL_CONTAINER", container_id=id_))[0] == 404
        assert (await operator.call("REMOVE_CONTAINER", container_id=id_))[0] == 200
        assert (await operator.call("ATTACH_CONTAINER_OUTPUT", container_id=id_))[0] == 404
    assert (await operator.call("KILL_CONTAINER", container_id={"value": "x"}, signal=99))[0] == 400


async def test_the_endpoint_takes_posts_also_below_the_process_name(agent: RunningAgent) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{agent.url}/api/v1") as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
        url = f"{agent.url}/slave(1)/api/v1"
        async with http.post(url, json={"type": "GET_HEALTH"}) as response:
            assert await response.json() == {"type": "GET_HEALTH", "get_health": {"healthy": True}}
        async with http.post(url, data=b"{", headers={"Content-Type": "application/json"}) as bad:
            assert bad.status == 400
