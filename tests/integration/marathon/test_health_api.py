"""Health, readiness and deadlines as clients see them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon import servers
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.fake_master import HttpMaster
from tests.integration.marathon.servers import TaskServer, status, task_server
from tests.support import eventually, free_port

CHECK = {
    "protocol": "HTTP",
    "path": "/health",
    "gracePeriodSeconds": 0,
    "intervalSeconds": 1,
    "timeoutSeconds": 1,
    "maxConsecutiveFailures": 1,
}


@pytest.fixture
def here(master: HttpMaster) -> HttpMaster:
    """All agents are this machine."""
    master.mesos.hostname = "127.0.0.1"
    return master


@pytest.fixture
async def changing() -> AsyncIterator[tuple[TaskServer, list[bytes]]]:
    """A task that answers with whatever the test says."""
    answer = [status(200)]

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer[0])
        await writer.drain()

    async with task_server(talk) as server:
        yield server, answer


async def test_an_app_is_deployed_when_its_check_has_passed(
    here: HttpMaster, api: Api, changing: tuple[TaskServer, list[bytes]]
) -> None:
    server, _ = changing
    check = CHECK | {"port": server.port}
    await api.deploy(id="/foo", cmd="x", healthChecks=[check])
    shown = (await api.get("/v2/apps/foo"))["app"]
    assert (shown["tasksHealthy"], shown["tasksUnhealthy"]) == (1, 0)
    assert shown["healthChecks"][0] == check | {
        "delaySeconds": 15, "ipProtocol": "IPv4", "ignoreHttp1xx": False,
    }  # fmt: skip
    [task] = (await api.get("/v2/tasks"))["tasks"]
    [result] = task["healthCheckResults"]
    assert (result["alive"], result["consecutiveFailures"]) == (True, 0)
    assert result["instanceId"] == task["id"].partition("._app")[0]
    assert result["firstSuccess"] <= result["lastSuccess"]
    assert "lastFailure" not in result


async def test_an_unhealthy_task_is_shown_killed_and_replaced(
    here: HttpMaster, api: Api, changing: tuple[TaskServer, list[bytes]]
) -> None:
    server, answer = changing
    await api.deploy(id="/foo", cmd="x", healthChecks=[CHECK | {"port": server.port}])
    [first] = (await api.get("/v2/apps/foo/tasks"))["tasks"]
    answer[0] = status(503)

    async def is_unhealthy() -> Any:
        tasks = (await api.get("/v2/apps/foo/tasks"))["tasks"]
        results = tasks[0]["healthCheckResults"] if tasks else []
        return results and not results[0]["alive"] and results[0]

    result = await eventually(is_unhealthy)
    assert result["lastFailureCause"] == "503 Service Unavailable"

    async def is_replaced() -> bool:
        tasks = (await api.get("/v2/apps/foo/tasks"))["tasks"]
        return bool(tasks) and tasks[0]["id"] != first["id"]

    await eventually(is_replaced)


async def test_a_tcp_check_of_a_port_that_nobody_listens_on_holds_the_deployment_up(
    here: HttpMaster, api: Api
) -> None:
    check = CHECK | {"protocol": "TCP", "port": free_port(), "maxConsecutiveFailures": 0}
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "healthChecks": [check]})

    async def says_why() -> bool:
        [running] = await api.get("/v2/deployments?embed=waitingFor")
        return "Connection refused" in running["waitingFor"][0]

    await eventually(says_why)


async def test_listeners_hear_of_health(
    here: HttpMaster, api: Api, changing: tuple[TaskServer, list[bytes]]
) -> None:
    server, _ = changing
    headers = {"Accept": "text/event-stream"}
    async with api.session.get("/v2/events", headers=headers) as stream:
        check = CHECK | {"port": server.port}
        await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "healthChecks": [check]})
        heard: dict[str, Any] = {}
        while "deployment_success" not in heard:
            line = (await stream.content.readuntil(b"\n")).decode().strip()
            assert not stream.content.at_eof()
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                heard[event["eventType"]] = event
    assert heard["add_health_check_event"]["healthCheck"]["path"] == "/health"
    assert heard["health_status_changed_event"]["alive"] is True
    assert heard["instance_health_changed_event"]["healthy"] is True


def port_in_offer() -> int:
    """One that the agents offer and nobody listens on."""
    for port in range(31_999, 31_000, -1):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("every port is in use")


async def test_a_deployment_shows_how_far_its_tasks_are_with_getting_ready(
    here: HttpMaster, api: Api
) -> None:
    port = port_in_offer()
    ready = {
        "portName": "web",
        "intervalSeconds": 2,
        "timeoutSeconds": 1,
        "preserveLastResponse": True,
    }
    app = {
        "id": "/foo",
        "cmd": "x",
        "portDefinitions": [{"port": port, "name": "web"}],
        "requirePorts": True,
        "readinessChecks": [ready],
    }
    answer = status(503, "Content-Type: text/plain", body="warming up")
    async with task_server(servers.saying(answer), port=port):
        await api.call("POST", "/v2/apps", app)

        async def results() -> Any:
            return (await api.get("/v2/apps/foo?embed=app.readiness"))["app"][
                "readinessCheckResults"
            ]

        [result] = await eventually(results)
        [running] = await api.get("/v2/deployments")
        assert running["currentActions"][0]["readinessCheckResults"] == [result]
        response = {"status": 503, "contentType": "text/plain", "body": "warming up"}
        assert result == {
            "name": "readinessCheck",
            "taskId": result["taskId"],
            "ready": False,
            "lastResponse": response,
        }
    async with task_server(servers.saying(status(200)), port=port):
        await api.settled()
    assert await results() == []
    shown = (await api.get("/v2/apps/foo"))["app"]["readinessChecks"][0]
    assert shown == ready | {
        "name": "readinessCheck",
        "protocol": "HTTP",
        "path": "/",
        "httpStatusCodesForReady": [200],
    }


async def test_a_change_that_takes_too_long_is_undone(api: Api) -> None:
    await api.deploy(id="/foo", cmd="old")
    body = {"cmd": "new", "cpus": 1000}
    code, _ = await api.call("PUT", "/v2/apps/foo?deadlineSeconds=0.1", body)
    assert code == 200
    await api.settled()
    assert (await api.get("/v2/apps/foo"))["app"]["cmd"] == "old"


async def test_a_change_that_takes_too_long_may_be_left_as_it_is(start: Start) -> None:
    async with (
        start(deployment_deadline_s=0.1) as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        api = Api(session)
        body = {"id": "/foo", "cmd": "new", "cpus": 1000}
        await api.call("POST", "/v2/apps?onDeadline=cancel", body)
        await api.settled()
        assert (await api.get("/v2/apps/foo"))["app"]["cmd"] == "new"


@pytest.mark.parametrize(
    "query", ["deadlineSeconds=soon", "deadlineSeconds=-1", "deadlineSeconds=nan", "onDeadline=cry"]
)
async def test_a_deadline_that_means_nothing_is_refused(api: Api, query: str) -> None:
    code, answer = await api.call("POST", f"/v2/apps?{query}", {"id": "/foo", "cmd": "x"})
    assert code == 400
    assert query.partition("=")[0] in answer["message"]
    assert (await api.get("/v2/apps"))["apps"] == []
