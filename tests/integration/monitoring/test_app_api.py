"""Every endpoint of the app over real HTTP."""

import gzip
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
import zstandard
from tests.integration.monitoring.apps import Client, an_app, report
from tests.support import eventually

from orchestrator.monitoring.app.api.endpoints import ENDPOINTS
from orchestrator.monitoring.app.api.openapi import path_of
from orchestrator.monitoring.app.history.ring import STEP_S, slot_at
from orchestrator.monitoring.app.server import RunningApp
from orchestrator.monitoring.render.mirror import Mirror
from orchestrator.monitoring.report import Node, codec, paths
from orchestrator.monitoring.report.agents import Heartbeat, Registration

BEAT = msgspec.json.encode(Heartbeat("first"))


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[tuple[Client, RunningApp]]:
    async with an_app(tmp_path) as running:
        yield running


@pytest.fixture
async def client(app: tuple[Client, RunningApp]) -> Client:
    """An app that has the report of one probe."""
    status, _ = await app[0].report(report("a", time.time()))
    assert status == 202
    return app[0]


def _registration(**changes: object) -> bytes:
    said = Registration(1, "a", "first", 10.0, "a")
    return msgspec.json.encode(msgspec.structs.replace(said, **changes))


async def test_health_says_that_the_app_serves(client: Client) -> None:
    assert await client.get("/health") == {"status": "ok", "agents": 1}


async def test_metrics_count_reports(client: Client) -> None:
    assert "orchestrator_app_reports_total 1.0" in await client.text("/metrics")


async def test_a_probe_registers_and_lives(client: Client) -> None:
    status, body = await client.call("POST", paths.REGISTER, data=_registration())
    assert (status, body["agent_id"]) == (200, "a")
    beat = msgspec.json.encode(Heartbeat("first", backlog=3))
    assert await client.call("POST", paths.heartbeat("a"), data=beat) == (200, {})
    [agent] = (await client.get("/api/v1/agents/list"))["agents"]
    assert agent["heartbeat"]["backlog"] == 3


@pytest.mark.parametrize("agent_id", ["a", "b"])  # one that has only reported, and an unknown one
async def test_a_probe_that_has_not_registered_is_told_to(client: Client, agent_id: str) -> None:
    status, body = await client.call("POST", paths.heartbeat(agent_id), data=BEAT)
    assert (status, "register first" in body["message"]) == (404, True)


async def test_a_probe_reads_the_settings_that_an_operator_wrote(client: Client) -> None:
    assert await client.get(paths.config("a")) == {}
    wanted = {"interval_s": 5.0, "disabled_sources": ["docker"]}
    status, written = await client.call("PUT", paths.config("a"), json=wanted)
    assert (status, written) == (200, {"revision": written["revision"], **wanted})
    assert await client.get(paths.config("a")) == written
    _, registered = await client.call("POST", paths.REGISTER, data=_registration())
    assert registered["settings"] == written
    answer = await client.call("POST", paths.heartbeat("a"), data=BEAT)
    assert answer == (200, {"settings_revision": written["revision"]})


async def test_settings_that_cannot_be_kept_are_refused(client: Client, tmp_path: Path) -> None:
    (tmp_path / "probes.part").mkdir()
    status, body = await client.call("PUT", paths.config("a"), json={"interval_s": 5.0})
    assert (status, "cannot be kept" in body["message"]) == (503, True)


async def test_settings_of_probes_outlive_the_app(tmp_path: Path) -> None:
    path = paths.config("a")
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        _, wanted = await client.call("PUT", path, json={"interval_s": 60})
    async with an_app(tmp_path) as (client, _):
        assert await client.get(path) == wanted


async def test_of_two_probes_with_one_id_the_later_one_is_heard(client: Client) -> None:
    now = time.time()
    later = report("a", now, 1, instance="second", instance_started_at=now - 1)
    assert (await client.report(later))[0] == 202
    status, body = await client.report(report("a", now + 0.1, 2))
    assert (status, "started later" in body["message"]) == (409, True)
    stats = await client.get("/api/v1/query/stats")
    assert stats["counts"]["refused"] == {"superseded": 1}


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
async def test_a_report_is_taken_in_every_form(
    client: Client, encoding: str, media_type: str
) -> None:
    plain = codec.encode(report("b", time.time()), media_type)
    packed = {"gzip": gzip.compress(plain), "zstd": zstandard.compress(plain)}
    data = packed.get(encoding, plain)
    headers = {"Content-Type": media_type, "Content-Encoding": encoding}
    status, _ = await client.call("POST", paths.REPORTS, data=data, headers=headers)
    assert status == 202
    assert (await client.get("/api/v1/query/agents/b/latest"))["host_id"] == "b"


@pytest.mark.parametrize(
    ("data", "headers", "status", "reason"),
    [
        (b"{", {"Content-Type": "application/json"}, 400, "not application/json"),
        (b"{}", {"Content-Type": "application/json"}, 400, "missing required field"),
        (b"x", {"Content-Type": "text/html"}, 400, "cannot be of type"),
        (b"x", {"Content-Encoding": "gzip"}, 400, "not valid gzip"),
        (b"x", {"Content-Encoding": "br"}, 415, "not known"),
        (gzip.compress(bytes(40_000_000), 1), {"Content-Encoding": "gzip"}, 413, "unpacked"),
        (bytes(9_000_000), {}, 413, "over the limit"),
    ],
)
async def test_a_body_that_is_no_report_is_refused(
    client: Client, data: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    got, body = await client.call("POST", paths.REPORTS, data=io.BytesIO(data), headers=headers)
    assert (got, reason in body["message"]) == (status, True), body


async def test_refusals_are_counted_and_shown(client: Client) -> None:
    await client.report(report("b", time.time() + 1000))
    await client.report(
        report("b", time.time(), nodes={"host": [Node(id="b"), Node(id="\x1b[31m")]})
    )
    many = [Node(id="b"), *(Node(id=str(n)) for n in range(100_000))]
    status, _ = await client.report(report("b", time.time(), nodes={"host": many}))
    assert status == 400
    stats = await client.get("/api/v1/query/stats")
    assert stats["counts"]["refused"] == {"invalid": 3}
    assert "100001 nodes" in stats["counts"]["last_refusal"]
    assert "\x1b" not in stats["counts"]["last_refusal"]


async def test_views_are_listed_with_their_size(client: Client) -> None:
    views = {view["name"]: view["nodes"] for view in (await client.get("/api/v1/views"))["views"]}
    assert (views["containers"], views["processes"], views["pods"]) == (1, 1, 0)


async def test_a_view_shows_nodes_and_edges(client: Client) -> None:
    page = await client.get("/api/v1/views/containers")
    assert {node["id"] for node in page["nodes"]} == {"a/c1", "internet;out"}
    [edge] = page["edges"]
    assert (edge["source"], edge["target"], edge["connections"]) == ("a/c1", "internet;out", 1)


async def test_a_view_is_filtered_sorted_and_paged(client: Client) -> None:
    for host, cpu in (("b", 70.0), ("c", 90.0)):
        nodes = {"host": [Node(id=host, metrics={"cpu_percent": cpu})]}
        await client.report(report(host, time.time(), nodes=nodes, connections=[]))
    page = await client.get("/api/v1/views/hosts", query="cpu>50 -c", sort="cpu", limit=1)
    assert (page["total"], [node["id"] for node in page["nodes"]]) == (1, ["b"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/views/nothing", 404),
        ("/api/v1/views/hosts?query=cpu>much", 400),
        ("/api/v1/views/hosts?timestamp=x", 400),
        ("/api/v1/views/hosts?timestamp=99999999999", 400),
        ("/api/v1/views/hosts?limit=-1", 400),
        ("/api/v1/views/hosts/nodes/unknown", 404),
        ("/api/v1/layout", 400),
        ("/api/v1/search", 400),
        ("/api/v1/query/topology?topology=moon", 400),
        ("/api/v1/query/agents/unknown/latest", 404),
        ("/api/v1/query/series?topology=host&id=a&from=5&to=1", 400),
        ("/api/v1/query/series?topology=host&id=a&from=0", 400),
        ("/api/v1/unknown", 404),
        ("/federate", 400),
        ("/federate?match[]={", 400),
        ('/federate?match[]={id=~"("}', 400),
    ],
)
async def test_a_bad_question_is_answered_with_a_sentence(
    client: Client, path: str, status: int
) -> None:
    got, body = await client.call("GET", path)
    assert (got, body["message"] != "") == (status, True)


async def test_details_of_a_node_name_its_relations_and_controls(client: Client) -> None:
    node = await client.get("/api/v1/views/containers/nodes/a/c1")
    assert node["latest"]["image"] == "nginx:1"
    assert [(one["topology"], one["id"]) for one in node["parents"]] == [("host", "a")]
    assert [(one["topology"], one["id"]) for one in node["children"]] == [("process", "a;1")]
    assert [(one["id"], one["direction"]) for one in node["peers"]] == [("internet;out", "out")]
    assert {"agent_id": "a", "control": "stop"} in node["controls"]


async def test_the_layout_has_a_place_for_each_node(client: Client) -> None:
    layout = await client.get("/api/v1/layout", view="containers")
    assert layout["places"].keys() == {"a/c1", "internet;out"}


async def test_search_finds_nodes_of_every_kind(client: Client) -> None:
    found = await client.get("/api/v1/search", q="nginx")
    assert {(one["view"], one["id"]) for one in found["results"]} == {
        ("processes", "a;1"),
        ("containers", "a/c1"),
    }


async def test_topology_is_as_reported(client: Client) -> None:
    page = await client.get("/api/v1/query/topology", topology="process")
    assert (page["totals"], page["topologies"]["process"][0]["id"]) == ({"process": 1}, "a;1")


async def test_series_have_what_was_measured(client: Client) -> None:
    [series] = (await client.get("/api/v1/query/agents/a/timeseries"))["series"]
    assert (series["metric"], [value for _, value in series["points"]]) == ("cpu_percent", [12.5])
    page = await client.get(
        "/api/v1/query/series", topology="container", id="a/c1", metric="memory_bytes"
    )
    assert [value for _, value in page["series"][0]["points"]] == [1e6]


@pytest.mark.parametrize("step", [1e6, 1e9, 1e300])
async def test_the_mean_of_all_time_costs_no_more_than_what_is_kept(
    client: Client, step: float
) -> None:
    page = await client.get(
        "/api/v1/query/agents/a/timeseries", **{"from": 0, "step": step}, metric="cpu_percent"
    )
    assert [value for _, value in page["series"][0]["points"]] == [12.5]


async def test_a_socket_follows_a_view(client: Client) -> None:
    async with client.socket("/api/v1/ws", view="containers") as socket:
        mirror = Mirror()
        mirror.apply(await socket.receive_bytes())
        assert mirror.nodes()["a/c1"].metrics["cpu_percent"] == 3.0
        await client.report(report("b", time.time()))
        while "b/c1" not in mirror.nodes():
            mirror.apply(await socket.receive_bytes())
    assert set(mirror.edges()) == {("a/c1", "internet;out"), ("b/c1", "internet;out")}


@pytest.mark.parametrize(
    ("params", "code"), [({"view": "nothing"}, 4404), ({"query": "cpu>much"}, 4400)]
)
async def test_a_socket_that_cannot_be_is_closed_with_a_reason(
    client: Client, params: dict[str, str], code: int
) -> None:
    async with client.socket("/api/v1/ws", **params) as socket:
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)
        assert message.extra


@pytest.mark.parametrize("step_s", [7200.0, -7200.0])
async def test_an_app_goes_on_when_the_clock_is_set_or_the_machine_has_slept(
    client: Client, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + step_s)
    nodes = {"host": [Node(id="a"), Node(id="a2")]}
    said = report("a", time.time(), 2, nodes=nodes, connections=[])
    assert await client.report(said) == (202, {})
    page = await client.get("/api/v1/views/hosts")
    assert {node["id"] for node in page["nodes"]} == {"a", "a2"}


async def test_a_late_report_is_no_news(client: Client) -> None:
    now = time.time()
    for number, nodes in ((3, [Node(id="a")]), (2, [Node(id="a"), Node(id="a2")])):
        said = report("a", now - 15 + number, number, nodes={"host": nodes}, connections=[])
        await client.report(said)
    page = await client.get("/api/v1/views/hosts")
    assert [node["id"] for node in page["nodes"]] == ["a"]


async def test_a_silent_probe_is_forgotten(app: tuple[Client, RunningApp]) -> None:
    client, running = app
    await client.report(report("a", time.time(), interval_s=0.01))
    agent = running.monitor.roster.get("a")
    assert agent is not None
    agent.last_seen_at -= 100

    async def is_forgotten() -> bool:
        return bool((await client.get("/health"))["agents"] == 0)

    await eventually(is_forgotten, 60)
    assert (await client.get("/api/v1/views/hosts"))["nodes"] == []


async def test_grafana_finds_and_reads_series(client: Client) -> None:
    assert (await client.get("/api/v1/grafana/"))["status"] == "ok"
    body = {"target": "web"}
    assert await client.call("POST", "/api/v1/grafana/search", json=body) == (200, [])
    _, targets = await client.call("POST", "/api/v1/grafana/search", json={"target": "a/c1"})
    assert targets == ["container/a/c1/cpu_percent", "container/a/c1/memory_bytes"]
    _, metrics = await client.call("POST", "/api/v1/grafana/metrics", json={})
    assert [one["value"] for one in metrics] == [
        "container/*/cpu_percent", "container/*/memory_bytes", "host/*/cpu_percent", *targets,
        "host/a/cpu_percent",
    ]  # fmt: skip
    options = await client.call("POST", "/api/v1/grafana/metric-payload-options", json={})
    assert options == (200, [])
    query = {
        "range": {"from": "0001-01-02T00:00:00Z", "to": "2099-01-01T00:00:00.000Z"},
        "targets": [{"target": targets[0], "refId": "A"}, {"target": "host/*/cpu_percent"}],
        "maxDataPoints": 500,
    }
    _, series = await client.call("POST", "/api/v1/grafana/query", json=query)
    assert {one["target"]: [value for value, _ in one["datapoints"]] for one in series} == {
        "container/a/c1/cpu_percent": [3.0],
        "host/a/cpu_percent": [12.5],
    }
    _, notes = await client.call("POST", "/api/v1/grafana/annotations", json=query)
    assert notes == []


async def test_prometheus_federates_what_a_selector_lets_through(client: Client) -> None:
    text = await client.text("/federate", [("match[]", '{__name__=~".+cpu.+",id!="a"}')])
    assert text == (
        'orchestrator_container_cpu_percent{id="a/c1",name="web",host="a",image="nginx:1"} 3.0\n'
    )


@pytest.mark.parametrize(
    ("selector", "is_there"),
    [
        (r'{name="a\"\\b\n"}', True),
        (r'{name=~"a\"\\\\b\n"}', True),
        (r'{name=~"a.\\\\b\s"}', True),
        (r'{name="a\""}', False),
    ],
)
async def test_a_selector_is_read_as_prometheus_reads_it(
    client: Client, selector: str, is_there: bool
) -> None:
    nodes = {"host": [Node(id="b", label='a"\\b\n', metrics={"cpu_percent": 1.0})]}
    await client.report(report("b", time.time(), nodes=nodes))
    assert bool(await client.text("/federate", [("match[]", selector)])) is is_there


async def test_the_openapi_document_has_every_endpoint(client: Client) -> None:
    document = await client.get("/api/v1/openapi.json")
    listed = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert listed == {
        (path_of(one), "get" if one.method == "WEBSOCKET" else one.method.lower())
        for one in ENDPOINTS
    }


async def test_the_document_says_what_bodies_are_taken(client: Client) -> None:
    paths_ = (await client.get("/api/v1/openapi.json"))["paths"]
    taken = paths_[paths.REPORTS]["post"]["requestBody"]
    assert (set(taken["content"]), taken["required"]) == (set(codec.MEDIA_TYPES), True)
    [one] = [path for path in paths_ if path.startswith("/api/v1/control/{agent}")]
    assert paths_[one]["post"]["requestBody"]["required"] is False


async def test_every_endpoint_of_the_document_is_served(client: Client) -> None:
    for one in ENDPOINTS:
        if one.method == "WEBSOCKET" or one.path == "/metrics":
            continue
        path = path_of(one).replace("{view}", "hosts").replace("{", "").replace("}", "")
        status, body = await client.call("PATCH", path)
        assert status == 405, (path, body)


async def test_a_past_moment_is_shown_as_it_was(app: tuple[Client, RunningApp]) -> None:
    client, running = app
    over = slot_at(time.time()) * STEP_S - 60.0
    for number, at in enumerate((over - 45, over - 30, over - 1), 1):
        await client.report(report("a", at, number))
    await client.report(report("a", over + 30, 4, nodes={"host": [Node(id="a")]}, connections=[]))
    running.monitor.archive.keep(time.time())
    for moment in (over - 1, over + 1, over + 16):  # nothing was reported in the slots of the last
        then = await client.get("/api/v1/views/containers", timestamp=moment)
        assert {node["id"] for node in then["nodes"]} == {"a/c1", "internet;out"}
        [web] = [node for node in then["nodes"] if node["id"] == "a/c1"]
        assert web["metrics"]["cpu_percent"] == 3.0
    assert (await client.get("/api/v1/views/containers"))["nodes"] == []
