"""What a master answers that does not lead, and how a leader lets go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from orchestrator.master.adapters import leadership
from orchestrator.master.adapters.leadership import Standby
from orchestrator.mesos.types import Address, MasterInfo
from orchestrator.runtime.clock import ManualClock
from orchestrator.runtime.http import CLOSING, Term

LEADER = MasterInfo(
    id="m", ip=1, port=5051, hostname="h2", address=Address(hostname="h2", ip="1.2.3.4", port=5051)
)


async def ask(
    app: Any, path: str, method: str = "GET", query: bytes = b""
) -> tuple[int, str, bytes]:
    """Status, Location and body of the answer."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query, "headers": [],
    }  # fmt: skip
    await app(scope, receive, send)
    headers = dict(sent[0]["headers"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers.get(b"location", b"").decode(), body


@pytest.fixture
def standby() -> Standby:
    return Standby(ManualClock(100.0))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_goes_to_the_same_path_at_the_leader(standby: Standby, method: str) -> None:
    standby.leader = LEADER

    status, location, _ = await ask(standby, "/master/state", method, b"jsonp=f")

    assert (status, location) == (307, "//h2:5051/master/state?jsonp=f")


@pytest.mark.parametrize("path", leadership.REDIRECTS)
async def test_redirect_leads_to_the_leader_itself(standby: Standby, path: str) -> None:
    standby.leader = LEADER

    assert (await ask(standby, path))[:2] == (307, "//h2:5051")


async def test_a_leader_without_a_name_is_named_by_its_address(standby: Standby) -> None:
    standby.leader = MasterInfo(id="m", ip=1, port=5051, address=Address(ip="1.2.3.4", port=5051))

    assert (await ask(standby, "/redirect"))[1] == "//1.2.3.4:5051"


async def test_without_a_leader_the_answer_is_503(standby: Standby) -> None:
    assert await ask(standby, "/state") == (503, "", b"No leader elected")


async def test_while_the_registry_is_read_the_answer_is_503(standby: Standby) -> None:
    standby.leader, standby.is_recovering = LEADER, True

    assert await ask(standby, "/api/v1/scheduler", "POST") == (
        503, "", b"Master has not finished recovery",
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/health", "/master/health", "/version", "/metrics/snapshot"])
async def test_a_standby_answers_for_itself(standby: Standby, path: str) -> None:
    standby.leader = LEADER

    assert (await ask(standby, path))[0] == 200


async def test_its_metrics_say_that_it_is_not_elected(standby: Standby) -> None:
    assert b'"master/elected":0' in (await ask(standby, "/metrics/snapshot"))[2]
    assert b"mesos_master_elected 0.0" in (await ask(standby, "/metrics"))[2]


async def test_an_agent_that_comes_before_the_term_begins_waits_for_it(standby: Standby) -> None:
    accepted = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        accepted.append(scope["path"])

    link = asyncio.create_task(_link(standby))
    await asyncio.sleep(0)
    standby.begin(Term(app))
    await asyncio.wait_for(link, 60)

    assert accepted == ["/api/v1/agents/link"]


async def test_an_agent_is_sent_away_when_no_term_begins() -> None:
    standby = Standby(ManualClock(100.0), patience_s=0.0)

    assert (await asyncio.wait_for(_link(standby), 60))[0]["status"] == 503


async def test_an_agent_is_sent_on_at_once_when_another_leads(standby: Standby) -> None:
    standby.leader = LEADER

    assert (await asyncio.wait_for(_link(standby), 60))[0]["status"] == 307


async def test_the_end_of_a_term_closes_its_streams_and_cuts_its_links() -> None:
    closed = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await scope[CLOSING].wait()
            closed.append("stream")
        else:
            await asyncio.Event().wait()

    term = Term(app)
    requests = [asyncio.create_task(_request(term, kind)) for kind in ("http", "websocket")]
    await asyncio.sleep(0)

    term.end()

    await asyncio.wait_for(asyncio.gather(*requests), 60)
    assert closed == ["stream"]


async def test_a_request_that_waits_past_the_end_of_a_term_is_given_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    term = Term(app, grace_s=0.0)
    request = asyncio.create_task(_request(term, "http"))
    await asyncio.sleep(0)
    term.end()

    await asyncio.wait_for(request, 60)


async def test_a_request_that_is_cancelled_by_others_stays_cancelled() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    request = asyncio.create_task(_request(Term(app), "http"))
    await asyncio.sleep(0)
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request


async def _request(term: Term, kind: str) -> None:
    async def nothing(*_: object) -> Any:
        return {}

    await term({"type": kind}, nothing, nothing)


async def _link(standby: Standby) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": "/api/v1/agents/link", "headers": [],
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    await standby(scope, receive, send)
    return sent
