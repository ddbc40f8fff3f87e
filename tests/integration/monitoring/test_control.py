"""Controls through a probe's own connection: one node, many, streams, roles, the record."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from tests.integration.monitoring.apps import Client, a_probe, an_app, report
from tests.support import eventually, full_disk

from orchestrator.monitoring.app.control.audit import Audit, AuditError, Record
from orchestrator.monitoring.report import control, paths
from orchestrator.monitoring.report.control import FromApp, FromProbe

TOKENS = """
tokens:
  - {name: ann, role: admin, token: token-of-the-admin}
  - {name: oli, role: operator, token: token-of-operator}
  - {name: vic, role: viewer, token: token-of-a-viewer}
  - {name: pro, role: probe, token: token-of-a-probe}
"""
STOP = "/api/v1/control/a/a/c1/stop"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        yield client


def _obedient(said: FromApp) -> list[FromProbe]:
    return [control.Response(said.id, result="ok")] if isinstance(said, control.Request) else []


async def test_a_control_reaches_the_probe_and_its_answer_comes_back(client: Client) -> None:
    async with a_probe(client, _obedient) as probe:
        body = {"arguments": {"timeout": "3"}}

        async def is_done() -> bool:
            return (await client.call("POST", STOP, json=body))[0] == 200

        await eventually(is_done, 60)
    [asked] = probe.asked
    assert isinstance(asked, control.Request)
    assert (asked.topology, asked.node_id, asked.control, asked.user, asked.arguments) == (
        "container", "a/c1", "stop", "anonymous", {"timeout": "3"},
    )  # fmt: skip


async def _is_open(client: Client) -> bool:
    [agent] = (await client.get("/api/v1/agents/list"))["agents"]
    return bool(agent["is_connected"])


async def test_what_the_probe_could_not_do_is_told(client: Client) -> None:
    def unable(said: FromApp) -> list[FromProbe]:
        assert isinstance(said, control.Request)
        return [control.Response(said.id, problem="no such container")]

    async with a_probe(client, unable):
        await eventually(lambda: _is_open(client), 60)
        status, body = await client.call("POST", STOP)
    assert (status, body["message"]) == (409, "no such container")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (STOP, 502),
        ("/api/v1/control/a/a/c1/pause", 404),
        ("/api/v1/control/a/other/stop", 404),
        ("/api/v1/control/b/a/c1/stop", 404),
        ("/api/v1/control/a/a/c1/logs", 400),
    ],
)
async def test_a_control_that_cannot_be_is_refused_with_a_sentence(
    client: Client, path: str, status: int
) -> None:
    got, body = await client.call("POST", path)
    assert (got, body["message"] != "") == (status, True)


async def test_a_probe_that_leaves_ends_what_waits_for_it(client: Client) -> None:
    async with a_probe(client, lambda said: []) as probe:
        await eventually(lambda: _is_open(client), 60)
        waiting = asyncio.create_task(client.call("POST", STOP))
        await eventually(lambda: probe.asked, 60)
    status, body = await waiting
    assert (status, "closed" in body["message"]) == (502, True)


async def test_many_nodes_each_have_their_own_outcome(client: Client) -> None:
    nodes = [
        {"agent_id": "a", "node_id": "a/c1"},
        {"agent_id": "a", "node_id": "other"},
        {"agent_id": "b", "node_id": "b/c1"},
    ]
    async with a_probe(client, _obedient):
        await eventually(lambda: _is_open(client), 60)
        status, body = await client.call(
            "POST", "/api/v1/control", json={"control": "stop", "nodes": nodes}
        )
    assert (status, body["failed"]) == (200, 2)
    assert [one["status"] for one in body["outcomes"]] == [200, 404, 404]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"control": "stop"}, 4400),
        ({"control": "exec", "command": "x" * 5000}, 4400),
        ({"control": "exec", **{f"a{n}": "" for n in range(40)}}, 4400),
    ],
)
async def test_a_stream_that_cannot_be_asked_for_does_not_reach_the_probe(
    client: Client, params: dict[str, str], code: int
) -> None:
    async with a_probe(client, _obedient) as probe:
        await eventually(lambda: _is_open(client), 60)
        async with client.socket(
            "/api/v1/control/stream", agent="a", node="a/c1", **params
        ) as socket:
            message = await socket.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)
        assert await _is_open(client)
    assert probe.asked == []


async def test_a_channel_with_a_frame_that_is_no_message_is_closed(client: Client) -> None:
    async with client.socket(paths.CONTROL, agent_id="a", instance="first") as socket:
        await socket.send_bytes(b"\xc1")
        while (message := await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
        assert message.data == control.MALFORMED


@pytest.mark.parametrize(
    ("params", "code"),
    [({"agent_id": "x", "instance": "y"}, 4404), ({"agent_id": "a", "instance": "y"}, 4409)],
)
async def test_a_channel_of_another_probe_is_refused(
    client: Client, params: dict[str, str], code: int
) -> None:
    async with client.socket(paths.CONTROL, **params) as socket:
        assert (await socket.receive()).data == code


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[dict[str, Client]]:
    """Clients with the tokens of every role, and without one."""
    (tmp_path / "access.yaml").write_text(TOKENS)
    settings = {"access_file": str(tmp_path / "access.yaml")}
    async with an_app(tmp_path / "data", **settings) as (client, _):
        tokens = {"admin": "token-of-the-admin", "operator": "token-of-operator",
                  "viewer": "token-of-a-viewer", "probe": "token-of-a-probe",
                  "nobody": "", "stranger": "token-of-a-stranger"}  # fmt: skip
        clients = {
            role: Client(client.session, client.url, token) for role, token in tokens.items()
        }
        assert (await clients["probe"].report(report("a", time.time())))[0] == 202
        yield clients


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("nobody", "GET", "/health", 200),
        ("nobody", "GET", "/api/v1/views", 401),
        ("stranger", "GET", "/api/v1/views", 401),
        ("viewer", "GET", "/api/v1/views", 200),
        ("probe", "GET", "/api/v1/views", 403),
        ("viewer", "POST", STOP, 403),
        ("operator", "POST", STOP, 502),
        ("operator", "POST", "/api/v1/control/a/a/c1/remove", 403),
        ("admin", "POST", "/api/v1/control/a/a/c1/remove", 502),
        ("operator", "GET", "/api/v1/audit", 403),
        ("admin", "GET", "/api/v1/audit", 200),
        ("viewer", "POST", "/api/v1/reports", 403),
    ],
)
async def test_a_role_may_do_what_it_says(
    guarded: dict[str, Client], role: str, method: str, path: str, status: int
) -> None:
    got, body = await guarded[role].call(method, path)
    assert got == status, body


async def test_the_record_says_who_did_what_and_what_came_of_it(guarded: dict[str, Client]) -> None:
    async with a_probe(guarded["probe"], _obedient):

        async def is_open() -> bool:
            return await _is_open(guarded["viewer"])

        await eventually(is_open, 60)
        await guarded["operator"].call("POST", STOP)
        await guarded["operator"].call("POST", "/api/v1/control/a/a/c1/remove")
    records = (await guarded["admin"].get("/api/v1/audit"))["records"]
    assert [(one["user"], one["control"], one["outcome"]) for one in records] == [
        ("oli", "remove", "denied"),
        ("oli", "stop", "done"),
        ("oli", "stop", "asked"),
    ]


@pytest.mark.parametrize("origin", ["http://evil.example", "http://[", "null"])
async def test_a_page_of_another_site_may_change_nothing(client: Client, origin: str) -> None:
    headers = {"Origin": origin}
    status, body = await client.call("POST", STOP, headers=headers)
    assert (status, origin in body["message"]) == (403, True)
    async with client.session.ws_connect(client.url + "/api/v1/ws", headers=headers) as socket:
        assert (await socket.receive()).data == 4403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:4040", 502),
        ("127.0.0.1", 502),
        ("[::1]:4040", 502),
        ("[::1]", 502),
        ("evil.example:4040", 403),
    ],
)
async def test_a_site_whose_name_leads_to_this_machine_is_not_this_machine(
    client: Client, host: str, status: int
) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert (await client.call("POST", STOP, headers=headers))[0] == status


class FullDisk(Audit):
    """Has no room for records with one outcome."""

    def __init__(self, path: Path, outcome: str) -> None:
        super().__init__(path)
        self._refused = outcome

    def write(self, record: Record) -> None:
        if record.outcome == self._refused:
            raise AuditError("nothing was done, as the disk is full")
        super().write(record)


@pytest.mark.parametrize(("refused", "status", "asked"), [("asked", 503, 0), ("done", 200, 1)])
async def test_nothing_is_asked_that_cannot_be_recorded_and_what_was_done_is_told(
    tmp_path: Path, refused: str, status: int, asked: int
) -> None:
    async with an_app(tmp_path) as (client, app):
        await client.report(report("a", time.time()))
        with closing(FullDisk(tmp_path / "other.jsonl", refused)) as app.monitor.audit:
            async with a_probe(client, _obedient) as probe:
                await eventually(lambda: _is_open(client), 60)
                assert (await client.call("POST", STOP))[0] == status
        assert len(probe.asked) == asked


def _record(number: int) -> Record:
    return Record(1.0, number, "asked", "ann", "admin", "", "a", "container", "a/c1", "stop")


@pytest.mark.parametrize("left", [b'{"at": 1.0, "num', b"\xff\xff\n"])
def test_a_record_that_was_cut_off_costs_no_later_one(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    with closing(Audit(path)) as audit:
        audit.write(_record(1))
    with path.open("ab") as file:
        file.write(left)
    with closing(Audit(path)) as audit:
        audit.write(_record(audit.next_number()))
    with closing(Audit(path)) as audit:
        assert [record.number for record in audit.latest(9)] == [2, 1]


def test_what_is_said_to_be_recorded_is_there_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with closing(Audit(path)) as audit:
        audit.write(_record(1))
        with full_disk(path.stat().st_size + 10), pytest.raises(AuditError):
            audit.write(_record(2))
        audit.write(_record(3))
    with closing(Audit(path)) as audit:
        assert [record.number for record in audit.latest(9)] == [3, 1]
