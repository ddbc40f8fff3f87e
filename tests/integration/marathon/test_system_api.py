"""What Marathon says of itself, and what its HTTP server does around its resources."""

import json
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.support import eventually

INFO = Path(__file__).parents[4] / "shared" / "data" / "marathon" / "info.json"


@pytest.mark.skipif(not INFO.is_file(), reason="Marathon's documents are not at hand")
async def test_the_info_has_every_key_of_marathons(api: Api) -> None:
    expected = json.loads(INFO.read_text())
    info = await api.get("/v2/info")
    assert info.keys() >= expected.keys()
    for part in ("marathon_config", "zookeeper_config", "http_config"):
        assert info[part].keys() >= expected[part].keys()


async def test_the_info_tells_how_marathon_is_set_up(start: Start) -> None:
    async with (
        start(max_versions=7, framework_name="m") as marathon,
        aiohttp.ClientSession(marathon.url) as session,
    ):
        info = await Api(session).get("/v2/info")
    assert (info["name"], info["elected"]) == ("m", True)
    assert info["zookeeper_config"]["zk_max_versions"] == 7
    assert info["marathon_config"]["failover_timeout"] == 604_800
    assert info["http_config"] == {"http_port": marathon.port, "https_port": None}


async def test_the_configuration_is_shown_without_its_secret(start: Start) -> None:
    async with (
        start(principal="m", secret="hidden") as marathon,
        aiohttp.ClientSession(marathon.url) as session,
    ):
        config = await Api(session).get("/config")
    assert (config["principal"], config["secret"]) == ("m", "***")


async def test_the_level_of_a_logger_changes_and_comes_back(api: Api) -> None:
    name = "orchestrator.marathon.adapters.event_stream"
    before = (await api.get("/logging"))[name]
    change = {"logger": name, "level": "error", "durationSeconds": 1}
    assert await api.call("POST", "/logging", change) == (200, change)
    assert (await api.get("/logging"))[name] == "ERROR"

    async def is_back() -> bool:
        return bool((await api.get("/logging"))[name] == before)

    await eventually(is_back)


async def test_a_second_change_forgets_the_end_of_the_first(api: Api) -> None:
    name = "orchestrator.marathon.adapters.event_stream"
    usual = logging.getLogger(name).level
    try:
        for change in ({"level": "debug", "durationSeconds": 60}, {"level": "warn"}):
            assert (await api.call("POST", "/logging", {"logger": name} | change))[0] == 200
        assert (await api.get("/logging"))[name] == "WARN"
    finally:
        logging.getLogger(name).setLevel(usual)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"logger": "ROOT"}, "/level"),
        ({"logger": "", "level": "info"}, "/logger"),
        ({"logger": "no.such.logger", "level": "info"}, "/logger"),
        ({"logger": "ROOT", "level": "loud"}, "/level"),
    ],
)
async def test_a_level_that_means_nothing_is_refused(
    api: Api, change: dict[str, Any], path: str
) -> None:
    status, answer = await api.call("POST", "/logging", change)
    assert (status, answer["details"][0]["path"]) == (422, path)


async def test_there_are_no_plugins(api: Api) -> None:
    assert await api.get("/v2/plugins") == {"plugins": []}
    status, answer = await api.call("GET", "/v2/plugins/mine/path/of/it")
    assert (status, answer) == (404, {"message": "No plugin with this pluginId: mine"})


async def test_a_browser_finds_its_way(api: Api) -> None:
    async with api.session.get("/", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/ui/")
    status, page = await api.call("GET", "/ui/", headers={"Accept": "text/html"})
    assert (status, "no graphical interface" in page) == (200, True)


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "text/plain"),
        ("text/html", 200, "text/html"),
        ("application/json", 200, "application/json"),
        ("image/png", 204, None),
    ],
)
async def test_a_ping_is_answered_in_the_type_asked_for(
    api: Api, accept: str, status: int, kind: str | None
) -> None:
    async with api.session.get("/ping", headers={"Accept": accept}) as response:
        assert response.status == status
        assert kind is None or response.content_type == kind


async def test_what_is_no_json_is_not_read(api: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = await api.call("POST", "/v2/apps", data=b'{"id":"/a"}', headers=headers)
    assert (status, list(answer)) == (415, ["message"])


async def test_a_body_without_a_type_is_taken_for_json(api: Api) -> None:
    headers = {"skip_auto_headers": ["Content-Type"]}
    body = b'{"id":"/a","cmd":"x"}'
    assert (await api.call("POST", "/v2/apps", data=body, **headers))[0] == 201


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/html", 406), ("text/html, */*;q=0.1", 200), ("application/json;charset=utf-8", 200)],
)
async def test_who_takes_no_json_gets_none(api: Api, accept: str, status: int) -> None:
    assert (await api.call("GET", "/v2/apps", headers={"Accept": accept}))[0] == status


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/v2/apps", {"GET", "HEAD", "OPTIONS"}), ("/v2/deployments", {"GET", "HEAD", "OPTIONS"})],
)
async def test_what_a_resource_allows_can_be_asked(api: Api, path: str, methods: set[str]) -> None:
    async with api.session.options(path) as response:
        assert response.status == 200
        assert set(response.headers["Allow"].split(", ")) >= methods
        assert await response.read() == b""


async def test_the_head_of_an_answer_can_be_had_alone(api: Api) -> None:
    async with api.session.head("/v2/apps") as response:
        assert (response.status, await response.read()) == (200, b"")


@pytest.mark.parametrize(
    ("setting", "origin", "allowed"),
    [
        ("*", "http://a", "*"),
        ("http://a, http://b", "http://b", "http://b"),
        ("http://a,http://b", "http://c", "http://a"),
        ("", "http://a", None),
    ],
)
async def test_pages_of_other_origins_may_look_where_that_is_allowed(
    start: Start, setting: str, origin: str, allowed: str | None
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Headers": "X-One"}
    async with (
        start(access_control_allow_origin=setting) as marathon,
        aiohttp.ClientSession(marathon.url) as session,
        session.options("/v2/apps", headers=headers) as response,
    ):
        assert response.status == 200
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        if allowed:
            assert response.headers["Access-Control-Allow-Headers"] == "X-One"
            assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


async def test_nothing_is_to_be_cached(api: Api) -> None:
    async with api.session.get("/v2/info") as response:
        assert response.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"


async def test_an_unknown_path_is_said_to_be_unknown(api: Api) -> None:
    status, answer = await api.call("GET", "/v2/nothing")
    assert (status, answer) == (404, {"message": "URI not found"})
