"""/v2/groups as its clients use it: one rule of Marathon's a test."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.test_apps_api import TIMESTAMP

APP = {"id": "a", "cmd": "x", "instances": 0}
SHOP = {
    "id": "/shop",
    "apps": [{"id": "web", "cmd": "x", "dependencies": ["db/main"]}],
    "groups": [{"id": "db", "apps": [{"id": "main", "cmd": "x"}]}],
}
TOO_LARGE = {"id": "a", "cmd": "x", "cpus": 1000}
TAKEN = "Groups and Applications may not have the same identifier."


@asynccontextmanager
async def serving(start: Start, **settings: Any) -> AsyncIterator[Api]:
    async with start(**settings) as marathon, aiohttp.ClientSession(marathon.url) as session:
        yield Api(session)


async def put(api: Api, path: str, body: Any) -> Any:
    status, answer = await api.call("PUT", path, body)
    assert status == 200, answer
    await api.settled()
    return answer


async def errors(api: Api, method: str, path: str, body: Any) -> dict[str, list[str]]:
    """What is wrong with a request that is refused as invalid, by JSON path."""
    status, answer = await api.call(method, path, body)
    assert status == 422, answer
    return {detail["path"]: detail["errors"] for detail in answer["details"]}


async def group_ids(api: Api) -> list[str]:
    return [group["id"] for group in (await api.get("/v2/groups"))["groups"]]


# GET /v2/groups


async def test_get_groups_shows_the_root_even_if_nothing_was_ever_created(api: Api) -> None:
    root = await api.get("/v2/groups")
    assert TIMESTAMP.fullmatch(root.pop("version"))
    assert root == {"id": "/", "apps": [], "groups": [], "pods": [], "dependencies": []}


async def test_get_groups_shows_the_whole_tree(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    shop = (await api.get("/v2/groups"))["groups"][0]
    assert [app["id"] for app in shop["apps"]] == ["/shop/web"]
    assert shop["apps"][0]["dependencies"] == ["/shop/db/main"]
    assert [app["id"] for app in shop["groups"][0]["apps"]] == ["/shop/db/main"]


async def test_get_groups_shows_trees_as_deep_as_ids_can_be(api: Api) -> None:
    await api.deploy(id="/a" * 256, cmd="x", instances=0)
    async with api.session.get("/v2/groups") as response:
        assert (await response.text()).count('"id":"/a/') == 255


async def test_get_groups_has_the_groups_that_apps_brought_along(api: Api) -> None:
    await api.deploy(id="/x/y/a", cmd="x", instances=0)
    assert (await api.get("/v2/groups/x"))["groups"][0]["id"] == "/x/y"


async def test_get_groups_gives_every_group_the_version_of_the_tree(api: Api) -> None:
    version = (await put(api, "/v2/groups", SHOP))["version"]
    root = await api.get("/v2/groups")
    assert {root["version"], root["groups"][0]["version"]} == {version}


async def test_get_groups_shows_apps_without_their_tasks(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    app = (await api.get("/v2/groups/shop"))["apps"][0]
    assert not {"tasks", "tasksRunning", "deployments"} & app.keys()


# GET /v2/groups/{id}


@pytest.mark.parametrize("path", ["shop/db", "/shop/db", "/shop/db/", "shop//db"])
async def test_get_group_is_found_however_its_slashes_are_written(api: Api, path: str) -> None:
    await put(api, "/v2/groups", SHOP)
    assert (await api.get(f"/v2/groups/{path}"))["id"] == "/shop/db"


async def test_get_group_that_is_not_there_is_404(api: Api) -> None:
    answer = await api.call("GET", "/v2/groups/none")
    assert answer == (404, {"message": "Group '/none' does not exist"})


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ("embed=group.groups", {"groups"}),
        ("embed=group.apps", {"apps"}),
        ("embed=group.pods", set()),
        ("embed=group.apps&embed=group.groups", {"apps", "groups"}),
        ("embed=nonsense", set()),
    ],
)
async def test_get_group_embeds_what_is_named(api: Api, query: str, filled: set[str]) -> None:
    await put(api, "/v2/groups", SHOP)
    shop = await api.get(f"/v2/groups/shop?{query}")
    assert {name for name in ("apps", "groups", "pods") if shop[name]} == filled


@pytest.mark.parametrize(
    ("embed", "fields"),
    [
        ("tasks", {"tasks", "deployments"}),
        ("counts", {"tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"}),
        ("deployments", {"deployments"}),
        ("readiness", {"readinessCheckResults"}),
    ],
)
async def test_get_group_embeds_more_of_its_apps(api: Api, embed: str, fields: set[str]) -> None:
    await put(api, "/v2/groups", SHOP)
    plain = (await api.get("/v2/groups/shop"))["apps"][0]
    shown = await api.get(f"/v2/groups/shop?embed=group.apps&embed=group.apps.{embed}")
    assert shown["apps"][0].keys() - plain.keys() == fields


# GET /v2/groups/{id}/apps


async def test_get_apps_of_a_group_lists_those_of_groups_below_as_well(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    apps = await api.get("/v2/groups/shop/apps")
    assert [app["id"] for app in apps] == ["/shop/db/main", "/shop/web"]
    assert await api.get("/v2/groups/apps") == apps


async def test_get_apps_of_a_group_embeds_what_is_named(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    apps = await api.get("/v2/groups/shop/apps?embed=group.apps.counts")
    assert [app["tasksRunning"] for app in apps] == [1, 1]


async def test_get_apps_of_a_group_that_is_not_there_is_an_empty_list(api: Api) -> None:
    assert await api.get("/v2/groups/none/apps") == []


# POST /v2/groups


async def test_post_group_is_created_with_location_and_deployment(api: Api) -> None:
    async with api.session.post("/v2/groups", json=SHOP) as response:
        answer = await response.json()
        assert (response.status, response.headers["Location"]) == (201, "/shop")
        assert answer["deploymentId"] == response.headers["Marathon-Deployment-Id"]
    assert set(answer) == {"version", "deploymentId"}
    assert TIMESTAMP.fullmatch(answer["version"])


async def test_post_group_starts_its_apps(api: Api) -> None:
    await api.call("POST", "/v2/groups", SHOP)
    await api.settled()
    assert (await api.get("/v2/apps/shop/web"))["app"]["tasksRunning"] == 1


async def test_post_group_without_anything_in_it_stays(api: Api) -> None:
    assert (await api.call("POST", "/v2/groups", {"id": "empty"}))[0] == 201
    assert await group_ids(api) == ["/empty"]


async def test_post_group_hangs_a_relative_id_on_the_path(api: Api) -> None:
    async with api.session.post("/v2/groups/a/b", json={"id": "c", "apps": [APP]}) as response:
        assert response.headers["Location"] == "/a/b/c"
    assert (await api.get("/v2/groups/a/b"))["groups"][0]["apps"][0]["id"] == "/a/b/c/a"


async def test_post_group_needs_no_id_if_the_path_has_it(api: Api) -> None:
    assert (await api.call("POST", "/v2/groups/a/b", {}))[0] == 201
    assert (await api.get("/v2/groups/a"))["groups"][0]["id"] == "/a/b"


async def test_post_group_that_exists_is_409(api: Api) -> None:
    await api.call("POST", "/v2/groups", {"id": "/g"})
    message = "Group /g is already created. Use PUT to change this group."
    assert await api.call("POST", "/v2/groups", {"id": "g"}) == (409, {"message": message})


async def test_post_group_at_the_root_is_409(api: Api) -> None:
    message = "Group / is already created. Use PUT to change this group."
    assert await api.call("POST", "/v2/groups", {"apps": []}) == (409, {"message": message})


async def test_post_group_with_the_id_of_an_app_is_409(api: Api) -> None:
    await api.deploy(id="/g/a", cmd="x", instances=0)
    message = "An app with the path /g/a already exists."
    assert await api.call("POST", "/v2/groups", {"id": "/g/a"}) == (409, {"message": message})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
async def test_post_group_that_is_no_json_is_400(api: Api, body: bytes) -> None:
    assert (await api.call("POST", "/v2/groups", data=body))[0] == 400


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ([], "/", "error.expected.jsobject"),
        ({"id": 1}, "/id", "error.expected.jsstring"),
        ({"id": "/g", "apps": {}}, "/apps", "error.expected.jsarray"),
        ({"id": "/g", "groups": [1]}, "/groups(0)", "error.expected.jsobject"),
        ({"id": "/g", "groups": [{}]}, "/groups(0)/id", "error.path.missing"),
        ({"id": "/g", "apps": [{"cmd": "x"}]}, "/apps(0)/id", "error.path.missing"),
        ({"id": "/g/BAD"}, "/id", None),
        ({"id": "/g/versions"}, "/id", None),
        ({"id": "/g", "groups": [{"id": "a b"}]}, "/groups(0)/id", None),
        (
            {"id": "/g", "apps": [{"id": "h/a", "cmd": "x"}]},
            "/apps(0)/id",
            "Identifier is not child of '/g'",
        ),
        (
            {"id": "/g", "apps": [{"id": "/other", "cmd": "x"}]},
            "/apps(0)/id",
            "Identifier is not child of '/g'",
        ),
        (
            {"id": "/g", "groups": [{"id": "/other"}]},
            "/groups(0)/id",
            "Group has to be child of groups with parent id",
        ),
        ({"id": "/g", "apps": [APP, APP]}, "/apps(1)/id", "/g/a is named more than once"),
        ({"id": "/g", "apps": [{**APP, "cpus": "1"}]}, "/apps(0)/cpus", "error.expected.jsnumber"),
        ({"id": "/g", "apps": [{**APP, "mem": -1}]}, "/apps(0)/mem", None),
        ({"id": "/g", "apps": [{"id": "a"}]}, "/apps(0)", None),
        ({"id": "/g", "scaleBy": -1}, "/scaleBy", None),
        ({"id": "/g", "dependencies": ["/a", "b c"]}, "/dependencies(1)", None),
    ],
)
async def test_post_group_that_is_wrong_is_422_and_says_where(
    api: Api, body: Any, path: str, error: str | None
) -> None:
    found = await errors(api, "POST", "/v2/groups", body)
    assert found[path] == [error] if error else found[path]
    assert await group_ids(api) == []


async def test_post_group_with_an_app_and_a_group_of_one_id_is_422(api: Api) -> None:
    body = {"id": "/g", "apps": [APP], "groups": [{"id": "a"}]}
    assert await errors(api, "POST", "/v2/groups", body) == {"/": [TAKEN]}


async def test_post_group_whose_apps_wait_for_each_other_is_422(api: Api) -> None:
    apps = [{**APP, "dependencies": ["b"]}, {**APP, "id": "b", "dependencies": ["a"]}]
    found = await errors(api, "POST", "/v2/groups", {"id": "/g", "apps": apps})
    assert found == {"/": ["Dependency graph has cyclic dependencies."]}


# PUT /v2/groups and /v2/groups/{id}


async def test_put_group_answers_with_version_and_deployment(api: Api) -> None:
    async with api.session.put("/v2/groups/g", json={"apps": [APP]}) as response:
        answer = await response.json()
        assert (response.status, set(answer)) == (200, {"version", "deploymentId"})
        assert answer["deploymentId"] == response.headers["Marathon-Deployment-Id"]


async def test_put_group_creates_changes_and_deletes_apps(api: Api) -> None:
    await put(api, "/v2/groups/g", {"apps": [APP, {**APP, "id": "b"}]})
    await put(api, "/v2/groups/g", {"apps": [{**APP, "cmd": "y"}, {**APP, "id": "c"}]})
    apps = {app["id"]: app["cmd"] for app in await api.get("/v2/groups/g/apps")}
    assert apps == {"/g/a": "y", "/g/c": "x"}


async def test_put_groups_without_apps_or_groups_leaves_them(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    await put(api, "/v2/groups/shop", {"dependencies": ["/queue"]})
    shop = await api.get("/v2/groups/shop")
    assert (len(shop["apps"]), len(shop["groups"])) == (1, 1)
    assert shop["dependencies"] == ["/queue"]


async def test_put_groups_replaces_all_groups_of_the_root(api: Api) -> None:
    await put(api, "/v2/groups", {"groups": [{"id": "a"}, {"id": "b"}]})
    await put(api, "/v2/groups", {"id": "/", "groups": [{"id": "b"}, {"id": "c"}]})
    assert await group_ids(api) == ["/b", "/c"]


async def test_put_group_resolves_ids_and_dependencies_in_their_group(api: Api) -> None:
    body = {"groups": [{"id": "h", "dependencies": ["../db", "/x"], "apps": [APP]}]}
    await put(api, "/v2/groups/g", body)
    shown = (await api.get("/v2/groups/g"))["groups"][0]
    assert (shown["id"], shown["dependencies"]) == ("/g/h", ["/g/db", "/x"])


async def test_put_group_with_the_id_of_an_app_is_422(api: Api) -> None:
    await api.deploy(id="/a", cmd="x", instances=0)
    assert await errors(api, "PUT", "/v2/groups/a", {}) == {"/": [TAKEN]}


async def test_put_group_while_its_apps_are_deployed_is_409(api: Api) -> None:
    await api.call("PUT", "/v2/groups/g", {"apps": [TOO_LARGE]})
    blocking = (await api.get("/v2/deployments"))[0]["id"]
    status, answer = await api.call("PUT", "/v2/groups/g", {"apps": [APP]})
    assert (status, answer["deployments"]) == (409, [{"id": blocking}])


async def test_put_group_with_force_takes_the_place_of_a_deployment(api: Api) -> None:
    await api.call("PUT", "/v2/groups/g", {"apps": [TOO_LARGE]})
    await put(api, "/v2/groups/g?force=True", {"apps": [APP]})
    assert (await api.get("/v2/apps/g/a"))["app"]["cpus"] == 1


async def test_put_group_as_a_dry_run_answers_with_the_steps(api: Api) -> None:
    status, answer = await api.call("PUT", "/v2/groups?dryRun=true", SHOP)
    assert (status, answer) == (
        200,
        {
            "steps": [
                {
                    "actions": [
                        {"action": "StartApplication", "app": "/shop/db/main"},
                        {"action": "StartApplication", "app": "/shop/web"},
                    ]
                },
                {"actions": [{"action": "ScaleApplication", "app": "/shop/db/main"}]},
                {"actions": [{"action": "ScaleApplication", "app": "/shop/web"}]},
            ]
        },
    )
    assert await group_ids(api) == []


async def test_put_group_scales_all_its_apps(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    await put(api, "/v2/groups/shop", {"scaleBy": 1.5})
    assert [app["instances"] for app in await api.get("/v2/groups/shop/apps")] == [2, 2]


async def test_put_group_scales_no_group_that_is_not_there(api: Api) -> None:
    answer = await api.call("PUT", "/v2/groups/none", {"scaleBy": 2})
    assert answer == (404, {"message": "Group '/none' does not exist"})


@pytest.mark.parametrize("field", [{"scaleBy": 2}, {"version": "2026-01-01T00:00:00.000Z"}])
async def test_put_group_takes_scale_and_version_only_alone(
    api: Api, field: dict[str, object]
) -> None:
    found = await errors(api, "PUT", "/v2/groups/g", {"apps": [], **field})
    assert found == {f"/{next(iter(field))}": ["not allowed in conjunction with other properties."]}


async def test_put_group_takes_what_was_shown_of_groups_within(api: Api) -> None:
    version = (await put(api, "/v2/groups", SHOP))["version"]
    shop = await api.get("/v2/groups/shop")
    await put(api, "/v2/groups/shop", {"apps": shop["apps"], "groups": shop["groups"]})
    assert (await api.get("/v2/apps/shop/web"))["app"]["version"] == version


async def test_put_group_scales_no_group_within_on_its_own(api: Api) -> None:
    found = await errors(api, "PUT", "/v2/groups/g", {"groups": [{"id": "h", "scaleBy": 2}]})
    assert found.keys() == {"/groups(0)/scaleBy"}


async def test_put_group_goes_back_to_a_version(api: Api) -> None:
    version = (await put(api, "/v2/groups", SHOP))["version"]
    await put(api, "/v2/groups/shop", {"apps": [], "groups": []})
    await put(api, "/v2/groups/shop", {"version": version})
    apps = await api.get("/v2/groups/shop/apps?embed=group.apps.counts")
    assert {app["id"]: app["tasksRunning"] for app in apps} == {
        "/shop/db/main": 1,
        "/shop/web": 1,
    }


async def test_put_group_to_a_version_that_is_not_kept_is_422(api: Api) -> None:
    await put(api, "/v2/groups/g", {})
    answer = await api.call("PUT", "/v2/groups/g", {"version": "2001-01-01T00:00:00.000Z"})
    message = "Group /g not available in version 2001-01-01T00:00:00.000Z"
    assert answer == (422, {"message": message})


async def test_put_group_to_a_version_that_is_no_time_is_422(api: Api) -> None:
    assert (await errors(api, "PUT", "/v2/groups", {"version": "x"})).keys() == {"/version"}


# DELETE /v2/groups and /v2/groups/{id}


async def test_delete_group_ends_all_that_is_in_it(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    status, answer = await api.call("DELETE", "/v2/groups/shop")
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert await group_ids(api) == []
    assert (await api.get("/v2/tasks"))["tasks"] == []


async def test_delete_group_that_is_not_there_is_404(api: Api) -> None:
    answer = await api.call("DELETE", "/v2/groups/none")
    assert answer == (404, {"message": "Group '/none' does not exist"})


async def test_delete_group_needs_force_while_its_apps_are_deployed(api: Api) -> None:
    await api.call("PUT", "/v2/groups/g", {"apps": [TOO_LARGE]})
    assert (await api.call("DELETE", "/v2/groups/g"))[0] == 409
    assert (await api.call("DELETE", "/v2/groups/g?force=true"))[0] == 200


async def test_delete_groups_leaves_an_empty_root(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    assert (await api.call("DELETE", "/v2/groups"))[0] == 200
    await api.settled()
    root = await api.get("/v2/groups")
    assert (root["id"], root["groups"], root["apps"]) == ("/", [], [])


# /v2/groups/{id}/versions


async def test_get_versions_are_a_list_newest_first(api: Api) -> None:
    first = (await put(api, "/v2/groups", SHOP))["version"]
    second = (await put(api, "/v2/groups/other", {}))["version"]
    assert await api.get("/v2/groups/shop/versions") == [second, first]
    assert (await api.get("/v2/groups/versions"))[:2] == [second, first]


async def test_get_versions_counts_only_those_that_have_the_group(api: Api) -> None:
    await put(api, "/v2/groups/other", {})
    version = (await put(api, "/v2/groups", SHOP))["version"]
    assert await api.get("/v2/groups//shop/versions") == [version]


async def test_get_versions_has_changes_of_single_apps_too(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    _, answer = await api.call("PUT", "/v2/apps/shop/web", {"labels": {"k": "v"}})
    await api.settled()
    assert (await api.get("/v2/groups/shop/versions"))[0] == answer["version"]


async def test_get_version_shows_the_group_as_it_was(api: Api) -> None:
    version = (await put(api, "/v2/groups", SHOP))["version"]
    await put(api, "/v2/groups/shop", {"apps": [], "groups": []})
    shop = await api.get(f"/v2/groups/shop/versions/{version}")
    assert (shop["version"], shop["apps"][0]["id"]) == (version, "/shop/web")
    root = await api.get(f"/v2/groups/versions/{version}")
    assert root["groups"] == [shop]


@pytest.mark.parametrize(
    "path",
    ["/none/versions", "/none/versions/2026-01-01", "/g/versions/2001-01-01"],
)
async def test_get_version_that_is_not_there_is_404(api: Api, path: str) -> None:
    await put(api, "/v2/groups/g", {})
    group = path.split("/")[1]
    answer = await api.call("GET", f"/v2/groups{path}")
    assert answer == (404, {"message": f"Group '/{group}' does not exist"})


# enforceRole, PATCH /v2/groups/{id}


async def test_patch_group_sets_whether_it_enforces_its_role(api: Api) -> None:
    await put(api, "/v2/groups/dev", {"apps": [APP]})
    assert await api.call("PATCH", "/v2/groups/dev", {"enforceRole": True}) == (200, "")
    assert (await api.get("/v2/groups/dev"))["enforceRole"] is True
    assert await api.get("/v2/deployments") == []


async def test_patch_group_below_another_is_422(api: Api) -> None:
    await put(api, "/v2/groups/dev/sub", {})
    found = await errors(api, "PATCH", "/v2/groups/dev/sub", {"enforceRole": True})
    assert found == {"/": ["Path needs to be top-level"]}


async def test_patch_group_that_is_not_there_is_404(api: Api) -> None:
    answer = await api.call("PATCH", "/v2/groups/none", {"enforceRole": True})
    assert answer == (404, {"message": "Group '/none' does not exist"})


async def test_put_group_that_enforces_its_role_gives_it_to_its_apps(api: Api) -> None:
    await put(api, "/v2/groups/dev", {"enforceRole": True, "apps": [APP]})
    assert (await api.get("/v2/apps/dev/a"))["app"]["role"] == "dev"


async def test_put_group_that_enforces_its_role_takes_no_other(api: Api) -> None:
    body = {"enforceRole": True, "apps": [{**APP, "role": "*"}]}
    found = await errors(api, "PUT", "/v2/groups/dev", body)
    assert found.keys() == {"/apps(0)/role"}


@pytest.mark.parametrize("path", ["", "/dev/sub"])
async def test_put_group_enforces_a_role_at_the_top_level_only(api: Api, path: str) -> None:
    found = await errors(api, "PUT", f"/v2/groups{path}", {"enforceRole": True})
    error = f"enforceRole can only be set for top-level groups, and {path or '/'} is not top-level"
    assert found == {"/enforceRole": [error]}


async def test_put_group_changes_apps_or_enforce_role_but_not_both(api: Api) -> None:
    await put(api, "/v2/groups/dev", {})
    groups = [{"id": "dev", "enforceRole": True}, {"id": "other", "apps": [APP]}]
    found = await errors(api, "PUT", "/v2/groups", {"groups": groups})
    assert "please make these changes in separate requests" in found["/groups(0)/enforceRole"][0]
    await put(api, "/v2/groups/dev", {"enforceRole": True})
    assert (await api.get("/v2/groups/dev"))["enforceRole"] is True


async def test_new_group_enforce_role_makes_new_groups_enforce_theirs(start: Start) -> None:
    async with serving(start, new_group_enforce_role="top") as api:
        await put(api, "/v2/groups", {"groups": [{"id": "a"}, {"id": "b", "enforceRole": False}]})
        groups = (await api.get("/v2/groups"))["groups"]
        settings = (await api.get("/v2/info"))["marathon_config"]
    assert {g["id"]: g.get("enforceRole", False) for g in groups} == {"/a": True, "/b": False}
    assert settings["new_group_enforce_role"] == "top"


# What else there is


async def test_post_app_with_the_id_of_a_group_is_422(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    found = await errors(api, "POST", "/v2/apps", {"id": "/shop/db", "cmd": "x"})
    assert found == {"/": [TAKEN]}


async def test_get_apps_with_a_star_of_an_empty_group_is_an_empty_list(api: Api) -> None:
    await put(api, "/v2/groups/empty", {})
    assert await api.get("/v2/apps/empty/*") == {"*": []}


async def test_groups_and_versions_outlive_the_process(start: Start) -> None:
    async with serving(start) as api:
        await put(api, "/v2/groups", SHOP)
        before = await api.get("/v2/groups")
        versions = await api.get("/v2/groups/versions")
    async with serving(start) as api:
        assert await api.get("/v2/groups") == before
        assert await api.get("/v2/groups/versions") == versions


async def test_old_clients_roll_back_by_the_path_of_the_version(api: Api) -> None:
    version = (await put(api, "/v2/groups", SHOP))["version"]
    await put(api, "/v2/groups/shop", {"apps": []})
    status, answer = await api.call("PUT", f"/v2/groups//shop/versions/{version}?force=False")
    assert (status, set(answer)) == (200, {"version", "deploymentId"})
    await api.settled()
    assert (await api.get("/v2/apps/shop/web"))["app"]["tasksRunning"] == 1


async def test_old_clients_know_every_field_of_a_group(api: Api) -> None:
    await put(api, "/v2/groups", SHOP)
    known = {"apps", "dependencies", "groups", "id", "pods", "version"}
    assert (await api.get("/v2/groups/shop")).keys() == known


async def test_a_description_that_is_too_deep_is_refused(api: Api) -> None:
    body = json.dumps({"id": "g"})
    for _ in range(200):
        body = '{"id":"g","groups":[' + body + "]}"
    assert (await api.call("PUT", "/v2/groups", data=body.encode()))[0] == 400
