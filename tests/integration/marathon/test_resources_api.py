"""Tasks, deployments, queue, events and Marathon itself, as clients use them."""

import asyncio
import json
from typing import Any

import pytest
from tests.integration.marathon.conftest import Api
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually

TOO_LARGE = 1000


async def test_tasks_are_listed_with_their_service_ports(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", instances=2)
    tasks = (await api.get("/v2/tasks"))["tasks"]
    assert [task["servicePorts"] for task in tasks] == [[10000], [10000]]
    assert (await api.get("/v2/tasks?status=staging"))["tasks"] == []


async def test_tasks_are_a_table_for_those_who_want_text(api: Api) -> None:
    await api.deploy(id="/g/foo", cmd="x")
    headers = {"Accept": "text/plain"}
    status, text = await api.call("GET", "/v2/tasks", headers=headers)
    task = (await api.get("/v2/tasks"))["tasks"][0]
    assert (status, text) == (200, f"g_foo\t10000\t{task['host']}:{task['ports'][0]}\t\n")


async def test_a_deleted_task_is_replaced(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", instances=2)
    victim = (await api.get("/v2/apps/foo/tasks"))["tasks"][0]["id"]
    status, answer = await api.call("DELETE", f"/v2/apps/foo/tasks/{victim}")
    assert (status, answer["task"]["id"]) == (200, victim)

    async def is_replaced() -> bool:
        app = (await api.get("/v2/apps/foo"))["app"]
        ids = [task["id"] for task in app["tasks"]]
        return app["tasksRunning"] == 2 and victim not in ids

    await eventually(is_replaced)


async def test_deleting_tasks_with_scale_leaves_fewer(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", instances=3)
    tasks = [task["id"] for task in (await api.get("/v2/tasks"))["tasks"]]
    status, answer = await api.call("POST", "/v2/tasks/delete?scale=True", {"ids": tasks[:2]})
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert [task["id"] for task in (await api.get("/v2/tasks"))["tasks"]] == tasks[2:]
    assert (await api.get("/v2/apps/foo"))["app"]["instances"] == 1


async def test_the_tasks_of_one_host_can_be_deleted(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", instances=3)
    host = (await api.get("/v2/tasks"))["tasks"][0]["host"]
    _, answer = await api.call("DELETE", f"/v2/apps/foo/tasks?host={host}")
    assert {task["host"] for task in answer["tasks"]} == {host}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/tasks/delete?scale=true&wipe=true", {"ids": []}, 400),
        ("/v2/tasks/delete", {"ids": ["nonsense"]}, 400),
        ("/v2/tasks/delete", {"ids": "x"}, 422),
        ("/v2/tasks/delete", {}, 422),
    ],
)
async def test_a_deletion_that_means_nothing_is_refused(
    api: Api, path: str, body: Any, status: int
) -> None:
    assert (await api.call("POST", path, body))[0] == status


async def test_a_deployment_is_listed_while_it_waits_and_says_for_what(api: Api) -> None:
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "cpus": TOO_LARGE})
    running = (await api.get("/v2/deployments"))[0]
    assert running["affectedApps"] == ["/foo"]
    assert (running["currentStep"], running["totalSteps"]) == (2, 2)
    assert running["currentActions"] == [
        {"action": "ScaleApplication", "app": "/foo", "readinessCheckResults": []}
    ]
    assert "waitingFor" not in running
    explained = (await api.get("/v2/deployments?embed=waitingFor"))[0]
    assert "to be placed on an offer" in explained["waitingFor"][0]


async def test_a_second_change_is_refused_with_the_deployment_in_its_way(api: Api) -> None:
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "cpus": TOO_LARGE})
    blocking = (await api.get("/v2/deployments"))[0]["id"]
    status, answer = await api.call("PUT", "/v2/apps/foo", {"cpus": 1})
    assert (status, answer["deployments"]) == (409, [{"id": blocking}])
    assert "force=true" in answer["message"]
    assert (await api.call("PUT", "/v2/apps/foo?force=TRUE", {"cpus": 1}))[0] == 200
    await api.settled()


async def test_a_deployment_can_be_undone(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    await api.call("PUT", "/v2/apps/foo", {"cpus": TOO_LARGE})
    stuck = (await api.get("/v2/deployments"))[0]["id"]
    status, answer = await api.call("DELETE", f"/v2/deployments/{stuck}")
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert (await api.get("/v2/apps/foo"))["app"]["cpus"] == 1


async def test_a_deployment_can_be_ended_by_force(api: Api) -> None:
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "cpus": TOO_LARGE})
    stuck = (await api.get("/v2/deployments"))[0]["id"]
    assert await api.call("DELETE", f"/v2/deployments/{stuck}?force=true") == (202, "")
    assert await api.get("/v2/deployments") == []


async def test_the_queue_says_what_waits_and_what_offers_lacked(api: Api) -> None:
    body = {"id": "/foo", "cmd": "x", "cpus": TOO_LARGE, "instances": 2}
    await api.call("POST", "/v2/apps", body)

    async def item() -> Any:
        queue = (await api.get("/v2/queue?embed=lastUnusedOffers"))["queue"]
        return queue and queue[0]["lastUnusedOffers"] and queue[0]

    found = await eventually(item)
    assert (found["count"], found["app"]["id"]) == (2, "/foo")
    assert found["delay"] == {"timeLeftSeconds": 0, "overdue": True}
    funnel = found["processedOffersSummary"]["rejectSummaryLastOffers"]
    assert {s["reason"]: s["declined"] for s in funnel}["InsufficientCpus"] == 3
    assert funnel[-1]["processed"] == 0
    unused = found["lastUnusedOffers"][0]
    assert unused["reason"] == ["InsufficientCpus"]
    assert {r["name"] for r in unused["offer"]["resources"]} == {"cpus", "mem", "disk", "ports"}
    assert "lastUnusedOffers" not in (await api.get("/v2/queue"))["queue"][0]


async def test_a_delay_can_be_reset(api: Api) -> None:
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "cpus": TOO_LARGE})
    assert (await api.call("DELETE", "/v2/queue//foo/delay"))[0] == 204


async def test_marathon_tells_of_itself(api: Api, master: HttpMaster) -> None:
    async def is_registered() -> bool:
        return bool((await api.get("/v2/info"))["frameworkId"] == "framework")

    await eventually(is_registered)
    info = await api.get("/v2/info")
    assert (info["name"], info["marathon_config"]["master"]) == ("marathon", master.url)
    assert (await api.get("/v2/leader"))["leader"] == info["leader"]
    assert await api.call("GET", "/ping") == (200, "pong")
    assert await api.get("/health") == {"healthy": True, "connected": True}


async def test_metrics_are_prometheus_text_or_marathons_json(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    _, text = await api.call("GET", "/metrics")
    assert "marathon_instances_running 1.0" in text
    headers = {"Accept": "application/json"}
    _, content = await api.call("GET", "/metrics", headers=headers)
    assert content["version"] == "4.0.0"
    assert content["gauges"]["marathon.apps.active.gauge"] == {"value": 1}
    assert content["gauges"]["marathon.instances.running.gauge"] == {"value": 1}
    assert content["counters"]["marathon.tasks.launched.counter"] == {"count": 1}
    assert set(content) > {"counters", "gauges", "histograms", "meters", "timers"}


async def read_events(api: Api, query: str, count: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    headers = {"Accept": "text/event-stream"}
    async with api.session.get(f"/v2/events{query}", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"data: "):
                events.append(json.loads(line[6:]))
                if len(events) == count:
                    break
    return events


async def test_events_are_streamed_as_they_happen(api: Api) -> None:
    reading = asyncio.create_task(read_events(api, "?plan-format=light", 12))

    async def is_listening() -> bool:
        _, text = await api.call("GET", "/metrics")
        return "marathon_event_streams 1.0" in text

    await eventually(is_listening)
    await api.deploy(id="/foo", cmd="x")
    types = [event["eventType"] for event in await asyncio.wait_for(reading, 60)]
    assert types[0] == "event_stream_attached"
    assert {"api_post_event", "deployment_info", "instance_changed_event"} <= set(types)
    assert {"status_update_event", "group_change_success"} <= set(types)


async def test_only_events_of_the_types_asked_for_are_streamed(api: Api) -> None:
    query = "?event_type=deployment_info&event_type=deployment_success"
    reading = asyncio.create_task(read_events(api, query, 3))

    async def is_listening() -> bool:
        _, text = await api.call("GET", "/metrics")
        return "marathon_event_streams 1.0" in text

    await eventually(is_listening)
    await api.deploy(id="/foo", cmd="x")
    events = await asyncio.wait_for(reading, 60)
    assert [e["eventType"] for e in events] == ["deployment_info"] * 2 + ["deployment_success"]
    assert events[0]["plan"]["steps"][0]["actions"] == [
        {"action": "StartApplication", "app": "/foo"}
    ]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain"])
async def test_events_are_only_for_those_who_accept_an_event_stream(api: Api, accept: str) -> None:
    assert (await api.call("GET", "/v2/events", headers={"Accept": accept}))[0] == 405
