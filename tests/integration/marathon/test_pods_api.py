"""/v2/pods over HTTP, in Marathon's forms."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.integration.marathon.conftest import Api
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually

from orchestrator.mesos.types import TaskState


def container(name: str, **fields: Any) -> dict[str, Any]:
    exec_ = {"command": {"shell": "sleep 1000"}}
    return {"name": name, "exec": exec_, "resources": {"cpus": 0.1, "mem": 32}, **fields}


WEB = container("web", endpoints=[{"name": "http"}])
POD = {"id": "/shop/cart", "containers": [WEB, container("side")]}
TOO_LARGE = {**POD, "containers": [container("web", resources={"cpus": 1000, "mem": 1})]}


async def deploy(api: Api, **fields: Any) -> Any:
    status, answer = await api.call("POST", "/v2/pods", {**POD, **fields})
    assert status == 201, answer
    await api.settled()
    return answer


async def instances(api: Api) -> list[Any]:
    return list((await api.get("/v2/pods/shop/cart::status"))["instances"])


async def test_clients_can_ask_whether_there_are_pods(api: Api) -> None:
    assert (await api.call("HEAD", "/v2/pods"))[0] == 200
    assert await api.get("/v2/pods") == []
    assert await api.get("/v2/pods/::status") == []


async def test_a_pod_is_created_and_shown(api: Api) -> None:
    async with api.session.post("/v2/pods", json=POD) as response:
        created = await response.json()
        assert response.status == 201
        assert response.headers["Location"] == "/shop/cart"
        assert response.headers["Marathon-Deployment-Id"]
    await api.settled()
    assert await api.get("/v2/pods/shop/cart") == created
    assert await api.get("/v2/pods") == [created]
    assert created["containers"][0]["endpoints"] == [{"name": "http", "hostPort": 0}]
    assert "configVersion" not in created


async def test_a_running_pod_shows_its_containers_and_where_they_are(api: Api) -> None:
    created = await deploy(api)
    status = await api.get("/v2/pods/shop/cart::status")
    assert (status["status"], status["spec"]) == ("STABLE", created)
    (instance,) = status["instances"]
    assert instance["status"] == "STABLE"
    assert instance["agentHostname"].endswith(".example")
    version = created["version"]
    assert instance["specReference"] == f"/v2/pods/shop/cart::versions/{version}"
    assert instance["resources"] == {"cpus": 0.3, "mem": 96.0, "disk": 10.0, "gpus": 0}
    web, side = instance["containers"]
    assert (web["name"], web["status"]) == ("web", "TASK_RUNNING")
    assert web["containerId"] == f"{instance['id']}.web.1"
    (endpoint,) = web["endpoints"]
    assert endpoint["name"] == "http"
    assert 31000 <= endpoint["allocatedHostPort"] <= 31999
    assert side["endpoints"] == []
    assert await api.get("/v2/pods/::status") != []


async def test_a_pod_that_waits_is_degraded_and_in_the_queue(api: Api) -> None:
    await api.call("POST", "/v2/pods", TOO_LARGE)
    assert (await api.get("/v2/pods/shop/cart::status"))["status"] == "DEGRADED"
    (item,) = (await api.get("/v2/queue"))["queue"]
    assert (item["pod"]["id"], item["count"]) == ("/shop/cart", 1)
    assert "app" not in item
    assert (await api.call("DELETE", "/v2/queue/shop/cart/delay"))[0] == 204


async def test_a_deployment_names_its_pods_apart_from_apps(api: Api) -> None:
    await api.call("POST", "/v2/pods", TOO_LARGE)
    (running,) = await api.get("/v2/deployments")
    assert (running["affectedPods"], running["affectedApps"]) == (["/shop/cart"], [])
    assert running["currentActions"] == [
        {"action": "ScalePod", "pod": "/shop/cart", "readinessCheckResults": []}
    ]
    assert running["steps"][0]["actions"] == [{"action": "StartPod", "pod": "/shop/cart"}]


async def test_a_change_makes_a_version_and_replaces_the_instances(api: Api) -> None:
    first = await deploy(api)
    (before,) = await instances(api)
    status, second = await api.call("PUT", "/v2/pods/shop/cart", {**POD, "user": "me"})
    assert (status, second["user"]) == (200, "me")
    await api.settled()
    (after,) = await instances(api)
    assert after["id"] != before["id"]
    versions = await api.get("/v2/pods/shop/cart::versions")
    assert versions == [first["version"], second["version"]]
    assert await api.get(f"/v2/pods/shop/cart::versions/{versions[0]}") == first


async def test_a_pod_that_does_not_exist_can_be_put(api: Api) -> None:
    assert (await api.call("PUT", "/v2/pods/shop/cart", POD))[0] == 200
    await api.settled()
    assert len(await instances(api)) == 1


async def test_a_pod_cannot_be_put_under_another_id(api: Api) -> None:
    status, answer = await api.call("PUT", "/v2/pods/other", POD)
    assert status == 400
    assert answer == {"message": "'/other' does not match definition's id ('/shop/cart')"}


async def test_a_second_change_is_refused_with_the_deployment_in_its_way(api: Api) -> None:
    await api.call("POST", "/v2/pods", TOO_LARGE)
    blocking = (await api.get("/v2/deployments"))[0]["id"]
    status, answer = await api.call("PUT", "/v2/pods/shop/cart", POD)
    assert (status, answer["deployments"]) == (409, [{"id": blocking}])
    assert (await api.call("DELETE", "/v2/pods/shop/cart"))[0] == 409
    assert (await api.call("PUT", "/v2/pods/shop/cart?force=true", POD))[0] == 200
    await api.settled()


async def test_a_deleted_pod_ends_with_its_containers(api: Api, master: HttpMaster) -> None:
    await deploy(api)
    async with api.session.delete("/v2/pods/shop/cart") as response:
        assert (response.status, await response.text()) == (202, "")
        assert response.headers["Location"] == response.headers["Marathon-Deployment-Id"]
    await api.settled()
    assert (await api.call("GET", "/v2/pods/shop/cart"))[0] == 404
    assert master.mesos.tasks == {}


async def test_a_deleted_instance_is_replaced(api: Api) -> None:
    await deploy(api)
    (before,) = await instances(api)
    path = f"/v2/pods/shop/cart::instances/{before['id']}"
    status, answer = await api.call("DELETE", path)
    assert (status, answer["instanceId"]) == (200, before["id"])
    assert answer["state"]["condition"] == "Running"
    assert answer["agentInfo"]["host"] == before["agentHostname"]

    async def is_replaced() -> bool:
        found = [one for one in await instances(api) if one["status"] == "STABLE"]
        return [one["id"] for one in found] not in ([], [before["id"]])

    await eventually(is_replaced)


async def test_several_instances_are_deleted_by_their_ids_and_others_are_let_be(api: Api) -> None:
    await deploy(api, scaling={"kind": "fixed", "instances": 3})
    ids = [one["id"] for one in await instances(api)]
    body = [*ids[:2], "other.instance-x"]
    status, answer = await api.call("DELETE", "/v2/pods/shop/cart::instances", body)
    assert (status, [one["instanceId"] for one in answer]) == (200, ids[:2])


async def test_a_pod_can_be_killed_by_the_task_of_a_container(api: Api) -> None:
    await deploy(api)
    (before,) = await instances(api)
    body = {"ids": [before["containers"][0]["containerId"]]}
    assert await api.call("POST", "/v2/tasks/delete", body) == (200, {"tasks": []})

    async def is_replaced() -> bool:
        return before["id"] not in [one["id"] for one in await instances(api)]

    await eventually(is_replaced)
    status, answer = await api.call("POST", "/v2/tasks/delete?scale=true&force=true", body)
    assert (status, "deploymentId" in answer) == (200, True)


async def test_a_pods_last_failures_are_shown(api: Api, master: HttpMaster) -> None:
    await deploy(api)
    (before,) = await instances(api)
    task = before["containers"][0]["containerId"]
    master.tell(master.mesos.report(task, TaskState.FAILED))

    async def history() -> Any:
        return (await api.get("/v2/pods/shop/cart::status"))["terminationHistory"]

    (ended,) = await eventually(history)
    assert ended["instanceID"] == before["id"]
    states = {one["containerId"]: one["lastKnownState"] for one in ended["containers"]}
    assert states[task] == "TASK_FAILED"
    assert set(states.values()) == {"TASK_FAILED", "TASK_KILLED"}


async def test_what_is_dry_is_not_done(api: Api) -> None:
    status, answer = await api.call("POST", "/v2/pods?dryRun=true", POD)
    assert (status, [step["actions"][0]["action"] for step in answer["steps"]]) == (
        200,
        ["StartPod", "ScalePod"],
    )
    assert await api.get("/v2/pods") == []


async def test_apps_do_not_show_pods(api: Api) -> None:
    await deploy(api)
    await api.deploy(id="/shop/front", cmd="x")
    assert [app["id"] for app in (await api.get("/v2/apps"))["apps"]] == ["/shop/front"]
    tasks = (await api.get("/v2/tasks"))["tasks"]
    assert {task["appId"] for task in tasks} == {"/shop/front"}
    assert (await api.call("GET", "/v2/apps/shop/cart"))[0] == 404
    _, text = await api.call("GET", "/v2/tasks", headers={"Accept": "text/plain"})
    assert "cart" not in text


async def test_an_id_is_an_apps_or_a_pods(api: Api) -> None:
    await deploy(api)
    status, answer = await api.call("POST", "/v2/apps", {"id": "/shop/cart", "cmd": "x"})
    assert (status, answer["details"][0]["errors"]) == (
        422,
        ["Applications and Pods may not share the same id"],
    )
    assert (await api.call("POST", "/v2/pods", POD))[0] == 409


@pytest.mark.parametrize(
    "path",
    [
        "/v2/pods/nothing",
        "/v2/pods/nothing::status",
        "/v2/pods/nothing::versions",
        "/v2/pods/nothing::versions/2020-01-01T00:00:00.000Z",
        "/v2/pods/nothing::versions/2001-01-01",
    ],
)
async def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    status, answer = await api.call("GET", path)
    assert (status, answer["message"]) == (404, "Pod '/nothing' does not exist")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", "/v2/pods/nothing", None, 404),
        ("DELETE", "/v2/pods/nothing::instances", "[]", 404),
        ("DELETE", "/v2/pods/shop/cart::instances", "{}", 422),
        ("DELETE", "/v2/pods/shop/cart::instances", '["nonsense"]', 422),
        ("DELETE", "/v2/pods/shop/cart::instances/nonsense", None, 422),
        ("DELETE", "/v2/pods/shop/cart::instances/x.instance-y", None, 404),
        ("GET", "/v2/pods/shop/cart::versions/nonsense", None, 422),
        ("POST", "/v2/pods", "", 400),
        ("POST", "/v2/pods", "{", 400),
        ("POST", "/v2/pods", "[]", 422),
        ("POST", "/v2/pods", "{}", 422),
        ("POST", "/v2/pods", '{"id": "/p", "containers": []}', 422),
        ("POST", "/v2/pods", '{"id": 1, "containers": [{}]}', 422),
        ("PUT", "/v2/pods/p", '{"id": "/p", "containers": [{"name": "A"}]}', 422),
        ("PATCH", "/v2/pods/p", "{}", 405),
    ],
)
async def test_a_request_that_means_nothing_is_refused(
    api: Api, method: str, path: str, body: str | None, status: int
) -> None:
    await deploy(api)
    found, answer = await api.call(method, path, data=body)
    assert (found, bool(answer)) == (status, True)


async def test_refusals_name_the_place(api: Api) -> None:
    volume = {"name": "v", "persistent": {"size": 0}}
    mounting = container("web", volumeMounts=[{"name": "v", "mountPath": "v"}])
    body = {**POD, "containers": [mounting], "volumes": [volume]}
    status, answer = await api.call("POST", "/v2/pods", body)
    assert status == 422
    assert answer["message"] == "Object is not valid"
    assert answer["details"] == [
        {"path": "/volumes(0)/persistent/size", "errors": ["got 0, expected more than 0"]},
        {"path": "/role", "errors": ["Resident pods cannot have the role *"]},
    ]


async def test_pods_have_events_of_their_own(api: Api) -> None:
    kinds = ("pod_created_event", "pod_updated_event", "pod_deleted_event")
    query = "&".join(f"event_type={kind}" for kind in kinds)
    reading = asyncio.create_task(read_events(api, query, 3))

    async def is_listening() -> bool:
        _, text = await api.call("GET", "/metrics")
        return "marathon_event_streams 1.0" in text

    await eventually(is_listening)
    await deploy(api)
    await api.call("PUT", "/v2/pods/shop/cart", {**POD, "user": "me"})
    await api.settled()
    await api.call("DELETE", "/v2/pods/shop/cart")
    events = await asyncio.wait_for(reading, 60)
    assert [event["eventType"] for event in events] == list(kinds)
    assert (events[0]["clientIp"], events[0]["uri"]) == ("127.0.0.1", "/v2/pods")


async def read_events(api: Api, query: str, count: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    headers = {"Accept": "text/event-stream"}
    async with api.session.get(f"/v2/events?{query}", headers=headers) as response:
        async for line in response.content:
            if line.startswith(b"data: "):
                events.append(json.loads(line[6:]))
                if len(events) == count:
                    break
    return events
