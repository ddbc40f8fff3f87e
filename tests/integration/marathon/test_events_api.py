"""/v2/events: ids, resuming, and types that only some want."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api

from orchestrator.marathon.adapters.event_stream import EVENTS_MISSED


class Events:
    """A stream of events, read line by line."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> dict[str, str]:
        """The next event by its fields; a comment is the field of no name."""
        fields: dict[str, str] = {}
        while True:
            line = (await self._response.content.readline()).decode().rstrip("\r\n")
            if not line and fields:
                return fields
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()


@asynccontextmanager
async def listening(api: Api, query: str = "", last_id: str | None = None) -> AsyncIterator[Events]:
    headers = {"Accept": "text/event-stream"}
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    async with api.session.get(f"/v2/events{query}", headers=headers) as response:
        assert response.status == 200
        yield Events(response)


async def test_every_event_has_an_id_and_ids_count_up(api: Api) -> None:
    async with listening(api) as events:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        ids = [(await events.next())["id"] for _ in range(3)]
    processes, numbers = zip(*(text.split("-") for text in ids), strict=True)
    assert len(set(processes)) == 1
    first = int(numbers[0])
    assert [int(number) for number in numbers] == [first, first + 1, first + 2]


async def test_who_comes_back_with_the_last_id_misses_nothing(api: Api) -> None:
    types = "?event_type=api_post_event&event_type=deployment_success"
    async with listening(api) as events:
        last_id = (await events.next())["id"]
    await api.deploy(id="/a", cmd="x")
    async with listening(api, types, last_id) as events:
        missed = [(await events.next())["event"] for _ in range(2)]
        await api.call("PUT", "/v2/apps/a", {"labels": {"k": "v"}})
        live = (await events.next())["event"]
    assert missed == ["api_post_event", "deployment_success"]
    assert live == "api_post_event"


@pytest.mark.parametrize("last_id", ["other-5", "nonsense", "5", "", "other-x"])
async def test_who_has_been_away_too_long_is_told_in_a_comment(api: Api, last_id: str) -> None:
    async with listening(api, last_id=last_id) as events:
        assert "missed" in (await events.next())[""]
        assert (await events.next())["event"] == "event_stream_attached"


@pytest.mark.parametrize("query", ["?extra=true", f"?event_type={EVENTS_MISSED}"])
async def test_who_wants_our_own_types_is_told_in_an_event(api: Api, query: str) -> None:
    async with listening(api, query, "other-5") as events:
        await events.next()
        assert (await events.next())["event"] == EVENTS_MISSED


async def test_a_change_that_is_refused_is_an_event(api: Api) -> None:
    await api.deploy(id="/a", cmd="x")
    async with listening(api, "?event_type=group_change_failed") as events:
        await api.call("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        event = await events.next()
    assert "already exists" in event["data"]


async def test_what_the_stream_allows_can_be_asked(api: Api) -> None:
    async with api.session.options("/v2/events") as response:
        allowed: Any = response.headers["Allow"]
    assert (response.status, allowed) == (200, "GET, HEAD, OPTIONS")
