"""/v2/apps as its clients use it."""

import io
import re
from typing import Any

import pytest
from tests.integration.marathon.conftest import Api

JSON = {"Content-Type": "application/json"}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_creating_an_app_answers_with_it_and_its_deployment(api: Api) -> None:
    request = api.session.post("/v2/apps", json={"id": "foo", "cmd": "sleep 1"})
    async with request as response:
        app = await response.json()
        assert response.status == 201
        assert response.headers["Location"] == "/foo"
        assert app["deployments"] == [{"id": response.headers["Marathon-Deployment-Id"]}]
    assert app["id"] == "/foo"
    assert TIMESTAMP.fullmatch(app["version"])
    assert app["portDefinitions"][0]["port"] == 10000


async def test_an_app_runs_and_shows_its_tasks(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", instances=3)
    app = (await api.get("/v2/apps/foo"))["app"]
    assert (app["tasksRunning"], app["tasksStaged"], app["deployments"]) == (3, 0, [])
    task = app["tasks"][0]
    assert task["state"] == "TASK_RUNNING"
    assert task["ports"]
    assert TIMESTAMP.fullmatch(task["startedAt"])
    assert re.fullmatch(r"foo\.instance-[0-9a-f-]{36}\._app\.1", task["id"])


@pytest.mark.parametrize("path", ["/v2/apps/a/b", "/v2/apps//a/b", "/v2/apps/a/b/"])
async def test_an_app_is_found_however_its_slashes_are_written(api: Api, path: str) -> None:
    await api.deploy(id="/a/b", cmd="x", instances=0)
    assert (await api.get(path))["app"]["id"] == "/a/b"


async def test_the_list_of_apps_has_counts_and_what_is_embedded(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    listed = (await api.get("/v2/apps"))["apps"][0]
    assert listed["tasksRunning"] == 1
    assert "tasks" not in listed
    embedded = (await api.get("/v2/apps/?embed=apps.tasks&embed=apps.counts"))["apps"][0]
    assert len(embedded["tasks"]) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"/web/a", "/web/b", "/db"}),
        ("?id=WEB", {"/web/a", "/web/b"}),
        ("?cmd=serve", {"/web/a"}),
        ("?label=tier", {"/web/a", "/db"}),
        ("?label=tier==back", {"/db"}),
        ("?label=tier!=back", {"/web/a"}),
        ("?label=tier in (front, back)", {"/web/a", "/db"}),
        ("?label=tier notin (back), tier", {"/web/a"}),
    ],
)
async def test_the_list_can_be_filtered(api: Api, query: str, expected: set[str]) -> None:
    apps = [
        {"id": "/web/a", "cmd": "Serve", "instances": 0, "labels": {"tier": "front"}},
        {"id": "/web/b", "cmd": "x", "instances": 0},
        {"id": "/db", "cmd": "x", "instances": 0, "labels": {"tier": "back"}},
    ]
    await api.call("PUT", "/v2/apps", apps)
    assert {app["id"] for app in (await api.get(f"/v2/apps{query}"))["apps"]} == expected


async def test_a_label_selector_that_cannot_be_read_is_refused(api: Api) -> None:
    status, answer = await api.call("GET", "/v2/apps?label=!!")
    assert (status, list(answer)) == (422, ["message"])
    assert "!!" in answer["message"]


async def test_a_group_of_apps_is_shown_with_a_star(api: Api) -> None:
    await api.call("PUT", "/v2/apps", [{"id": f"/g/{n}", "cmd": "x", "instances": 0} for n in "ab"])
    assert [app["id"] for app in (await api.get("/v2/apps/g/*"))["*"]] == ["/g/a", "/g/b"]
    status, answer = await api.call("GET", "/v2/apps/none/*")
    assert (status, answer) == (404, {"message": "Group '/none' does not exist"})


async def test_changing_an_app_answers_with_the_deployment(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    status, answer = await api.call("PUT", "/v2/apps/foo", {"instances": 2})
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert (await api.get("/v2/apps/foo"))["app"]["tasksRunning"] == 2


async def test_putting_what_is_not_there_creates_it(api: Api) -> None:
    status, answer = await api.call("PUT", "/v2/apps/foo", {"cmd": "x"})
    assert (status, set(answer)) == (201, {"version", "deploymentId"})


async def test_patching_what_is_not_there_is_refused(api: Api) -> None:
    for path, body in (("/v2/apps/foo", {"cmd": "x"}), ("/v2/apps", [{"id": "/foo"}])):
        status, answer = await api.call("PATCH", path, body)
        assert (status, answer) == (404, {"message": "App '/foo' does not exist"})


async def test_a_whole_replacement_takes_nothing_over(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x", labels={"k": "v"}, instances=0)
    await api.call("PUT", "/v2/apps/foo?partialUpdate=False", {"args": ["y"], "instances": 0})
    app = (await api.get("/v2/apps/foo"))["app"]
    assert (app["labels"], app["args"], "cmd" in app) == ({}, ["y"], False)


async def test_what_was_read_can_be_written_back(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    app = (await api.get("/v2/apps/foo"))["app"]
    status, _ = await api.call("PUT", "/v2/apps/foo?partialUpdate=false", app)
    assert status == 200
    assert (await api.get("/v2/apps/foo"))["app"]["version"] == app["version"]


async def test_an_existing_app_is_not_created_again(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    status, answer = await api.call("POST", "/v2/apps", {"id": "foo", "cmd": "x"})
    assert (status, answer) == (409, {"message": "An app with id [/foo] already exists."})


async def test_a_deleted_app_is_gone(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    status, answer = await api.call("DELETE", "/v2/apps/foo")
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert await api.call("GET", "/v2/apps/foo") == (404, {"message": "App '/foo' does not exist"})
    assert (await api.get("/v2/tasks"))["tasks"] == []


async def test_a_restart_gives_new_tasks(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    before = (await api.get("/v2/tasks"))["tasks"][0]["id"]
    assert (await api.call("POST", "/v2/apps/foo/restart"))[0] == 200
    await api.settled()
    assert before not in [task["id"] for task in (await api.get("/v2/tasks"))["tasks"]]


async def test_versions_are_listed_and_shown(api: Api) -> None:
    await api.deploy(id="/foo", cmd="first", instances=0)
    await api.call("PUT", "/v2/apps/foo", {"cmd": "second"})
    versions = (await api.get("/v2/apps/foo/versions"))["versions"]
    assert len(versions) == 2
    assert (await api.get(f"/v2/apps/foo/versions/{versions[-1]}"))["cmd"] == "first"
    assert (await api.call("GET", "/v2/apps/foo/versions/nonsense"))[0] == 422
    assert (await api.call("PUT", "/v2/apps/foo", {"version": versions[-1]}))[0] == 200
    assert (await api.get("/v2/apps/foo"))["app"]["cmd"] == "first"


@pytest.mark.parametrize(
    ("body", "status", "path", "error"),
    [
        ({"cmd": "x"}, 422, "/id", "error.path.missing"),
        ({"id": "/a", "cmd": "x", "cpus": "1"}, 422, "/cpus", "error.expected.jsnumber"),
        ({"id": "/A", "cmd": "x"}, 422, "/id", None),
        ({"id": "/a"}, 422, "/", None),
        ([], 422, "/", "error.expected.jsobject"),
    ],
)
async def test_a_wrong_app_is_refused_in_marathons_form(
    api: Api, body: Any, status: int, path: str, error: str | None
) -> None:
    answered, answer = await api.call("POST", "/v2/apps", body)
    assert answered == status
    assert answer["message"] in ("Invalid JSON", "Object is not valid")
    details = {detail["path"]: detail["errors"] for detail in answer["details"]}
    assert details[path] == [error] if error else details[path]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"id": "/a"} x'])
async def test_bytes_that_are_no_json_are_refused(api: Api, body: bytes) -> None:
    status, answer = await api.call("POST", "/v2/apps", data=body, headers=JSON)
    assert (status, "details" in answer) == (400, True)


async def test_a_body_of_ten_megabytes_is_refused_and_nothing_is_lost(api: Api) -> None:
    await api.deploy(id="/foo", cmd="x")
    body = io.BytesIO(b"a" * 10_000_000)
    status, answer = await api.call("POST", "/v2/apps", data=body, headers=JSON)
    assert (status, list(answer)) == (413, ["message"])
    assert (await api.get("/v2/apps/foo"))["app"]["tasksRunning"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/eventSubscriptions", 404),
        ("DELETE", "/v2/apps", 405),
        ("POST", "/v2/apps/foo", 405),
        ("GET", "/v2/apps/foo", 404),
        ("DELETE", "/v2/apps/foo", 404),
        ("POST", "/v2/apps/foo/restart", 404),
        ("GET", "/v2/apps/foo/versions", 404),
        ("GET", "/v2/apps/foo/tasks", 404),
        ("DELETE", "/v2/apps/foo/tasks", 404),
        ("DELETE", "/v2/apps/foo/tasks/bar", 404),
        ("DELETE", "/v2/deployments/none", 404),
        ("DELETE", "/v2/queue/foo/delay", 404),
    ],
)
async def test_what_does_not_exist_is_said_in_a_message(
    api: Api, method: str, path: str, status: int
) -> None:
    answered, answer = await api.call(method, path)
    assert (answered, list(answer)) == (status, ["message"])
