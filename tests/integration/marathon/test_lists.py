"""Long lists: their pages, and answers to those who have them already."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.integration.marathon.conftest import Api


async def create(api: Api, count: int, **fields: Any) -> None:
    apps = [{"id": f"/a{n}", "cmd": "x", "instances": 0} | fields for n in range(count)]
    assert (await api.call("PUT", "/v2/apps", apps))[0] == 200
    await api.settled()


async def ask(api: Api, path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.get(path, headers=named) as response:
        content = await response.json() if response.status == 200 else await response.text()
        return response.status, response.headers, content


def links(headers: Mapping[str, str]) -> dict[str, str]:
    found = re.findall(r'<([^>]+)>; rel="(\w+)"', headers.get("Link", ""))
    return {relation: url for url, relation in found}


async def test_pages_linked_to_each_other_hold_every_app_once(api: Api) -> None:
    await create(api, 7)
    seen: list[str] = []
    path = "/v2/apps?limit=3&embed=apps.counts"
    while path:
        status, headers, content = await ask(api, path)
        assert (status, headers["X-Total-Count"]) == (200, "7")
        seen += [app["id"] for app in content["apps"]]
        path = links(headers).get("next", "")
    assert seen == [f"/a{n}" for n in range(7)]


async def test_a_page_names_the_pages_around_it(api: Api) -> None:
    await create(api, 7)
    _, headers, _ = await ask(api, "/v2/apps?limit=2&offset=4")
    offsets = {name: url.rpartition("offset=")[2] for name, url in links(headers).items()}
    assert offsets == {"first": "0", "prev": "2", "next": "6", "last": "6"}


async def test_a_whole_list_has_no_headers_of_pages(api: Api) -> None:
    await create(api, 2)
    _, headers, _ = await ask(api, "/v2/apps")
    assert "X-Total-Count" not in headers
    assert "Link" not in headers


async def test_what_a_filter_leaves_is_what_is_paged(api: Api) -> None:
    await create(api, 12)
    _, headers, content = await ask(api, "/v2/apps?id=a1&limit=2")
    assert (headers["X-Total-Count"], len(content["apps"])) == ("3", 2)


@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "limit=1.5", f"offset={'9' * 30}"])
async def test_a_page_that_cannot_be_is_refused(api: Api, query: str) -> None:
    status, answer = await api.call("GET", f"/v2/apps?{query}")
    assert (status, list(answer)) == (400, ["message"])


async def test_tasks_have_pages_as_well(api: Api) -> None:
    await create(api, 2, instances=3)
    _, headers, content = await ask(api, "/v2/tasks?limit=4&offset=4&status=running")
    assert (headers["X-Total-Count"], len(content["tasks"])) == ("6", 2)
    assert len((await api.get("/v2/tasks"))["tasks"]) == 6


@pytest.mark.parametrize("path", ["/v2/apps", "/v2/apps/a0", "/v2/tasks"])
async def test_who_has_it_already_is_told_so_until_it_changes(api: Api, path: str) -> None:
    await create(api, 1, instances=1)
    _, headers, _ = await ask(api, path)
    status, _, content = await ask(api, path, If_None_Match=f'W/{headers["ETag"]}, "other"')
    assert (status, content) == (304, "")
    await api.call("PUT", "/v2/apps/a0", {"instances": 2})
    await api.settled()
    status, changed, _ = await ask(api, path, If_None_Match=headers["ETag"])
    assert (status, changed["ETag"] != headers["ETag"]) == (200, True)


async def test_the_etag_of_an_app_is_not_that_of_another(api: Api) -> None:
    await create(api, 2)
    _, first, _ = await ask(api, "/v2/apps/a0")
    await api.call("PUT", "/v2/apps/a1", {"labels": {"k": "v"}})
    assert (await ask(api, "/v2/apps/a0", If_None_Match=first["ETag"]))[0] == 304


async def test_a_list_shows_every_change_at_once(api: Api) -> None:
    await create(api, 2, instances=1)
    before = await api.get("/v2/apps?embed=apps.tasks")
    assert await api.get("/v2/apps?embed=apps.tasks") == before
    await api.call("PUT", "/v2/apps/a1", {"instances": 2})
    await api.settled()
    first, second = (await api.get("/v2/apps?embed=apps.tasks"))["apps"]
    assert first == before["apps"][0]
    assert (second["tasksRunning"], len(second["tasks"])) == (2, 2)


async def test_statistics_of_tasks_are_embedded_by_what_they_run(api: Api) -> None:
    await create(api, 1, instances=2)
    app = (await api.get("/v2/apps?embed=apps.taskStats"))["apps"][0]
    stats = app["taskStats"]
    assert set(stats) == {"startedAfterLastScaling", "withLatestConfig", "totalSummary"}
    counts = {"staged": 0, "running": 2, "healthy": 0, "unhealthy": 0}
    assert stats["totalSummary"]["stats"]["counts"] == counts
    assert set(stats["totalSummary"]["stats"]["lifeTime"]) == {"averageSeconds", "medianSeconds"}


async def test_an_app_without_tasks_has_empty_statistics(api: Api) -> None:
    await create(api, 1)
    assert (await api.get("/v2/apps?embed=apps.taskStats"))["apps"][0]["taskStats"] == {}
