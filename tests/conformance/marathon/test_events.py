"""GET /v2/events: the stream of server-sent events, as clients of Marathon 1.11 know it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from tests.integration.marathon.conftest import Api

STREAM = {"Accept": "text/event-stream"}
Event = tuple[str, dict[str, Any]]


@asynccontextmanager
async def listening(api: Api, query: str = "") -> AsyncIterator[aiohttp.ClientResponse]:
    async with api.session.get(f"/v2/events{query}", headers=STREAM) as response:
        assert response.status == 200
        yield response


async def until(response: aiohttp.ClientResponse, last: str) -> list[Event]:
    """The events up to the first of a type."""
    events: list[Event] = []
    kind = ""
    async for line in response.content:
        text = line.decode().rstrip("\r\n")
        if text.startswith("event: "):
            kind = text.removeprefix("event: ")
        elif text.startswith("data: "):
            events.append((kind, json.loads(text.removeprefix("data: "))))
            if kind == last:
                break
    return events


async def test_get_events_begins_with_the_attachment_itself(api: Api) -> None:
    async with listening(api) as stream:
        assert stream.content_type == "text/event-stream"
        ((kind, event),) = await until(stream, "event_stream_attached")
    assert (kind, event["eventType"]) == ("event_stream_attached", "event_stream_attached")
    assert event["remoteAddress"]


async def test_get_events_tells_of_a_deployment_from_its_request_to_its_end(api: Api) -> None:
    async with listening(api) as stream:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        events = await until(stream, "deployment_success")
    kinds = [kind for kind, _ in events]
    for one in ("api_post_event", "group_change_success", "deployment_info", "status_update_event",
                "instance_changed_event", "deployment_step_success"):  # fmt: skip
        assert one in kinds, kinds
    assert kinds.index("api_post_event") < kinds.index("deployment_info")
    assert all(event["eventType"] == kind and event["timestamp"] for kind, event in events)


async def test_get_events_shows_a_status_with_the_task_it_is_of(api: Api) -> None:
    async with listening(api, "?event_type=status_update_event") as stream:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        ((_, event),) = await until(stream, "status_update_event")
    assert event["appId"] == "/a"
    assert event["taskId"].startswith("a.instance-")
    for member in ("slaveId", "taskStatus", "message", "host", "ipAddresses", "ports", "version"):
        assert member in event, sorted(event)


async def test_get_events_has_only_the_types_that_were_asked_for(api: Api) -> None:
    query = "?event_type=deployment_info&event_type=deployment_success"
    async with listening(api, query) as stream:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        events = await until(stream, "deployment_success")
    assert {kind for kind, _ in events} == {"deployment_info", "deployment_success"}


async def test_get_events_shows_plans_without_the_apps_that_they_change(api: Api) -> None:
    async with listening(api, "?event_type=deployment_success&plan-format=light") as stream:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        ((_, event),) = await until(stream, "deployment_success")
    assert "apps" not in event["plan"]["target"]
    actions = [step["actions"] for step in event["plan"]["steps"]]
    assert [action["app"] for step in actions for action in step] == ["/a", "/a"]


async def test_get_events_says_when_an_app_has_gone(api: Api) -> None:
    await api.deploy(id="/a", cmd="x")
    async with listening(api, "?event_type=app_terminated_event") as stream:
        await api.call("DELETE", "/v2/apps/a")
        ((_, event),) = await until(stream, "app_terminated_event")
    assert event["appId"] == "/a"
