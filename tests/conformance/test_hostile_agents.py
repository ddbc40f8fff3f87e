"""Agents that are broken or mean: the link is closed or the agent refused, nobody else is hurt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.conformance.cluster import Server
from tests.conformance.conftest import FAST
from tests.conformance.hostile import (
    RESOURCES,
    FakeAgent,
    hostname,
    open_link,
    register,
    run_one,
    unharmed,
    update,
)
from tests.conformance.raw_framework import RawFramework, scalar
from tests.conformance.raw_http import Json, get
from tests.support import eventually
from websockets.exceptions import ConnectionClosed

MAX_FRAMEWORKS = 20
_PROTOCOL_ERROR, _NO_TEXT, _TOO_BIG = 1002, 1007, 1009
_PONG = {"type": "PONG"}
NOT_REGISTER = [
    "",
    "{",
    "null",
    "[1]",
    "{}",
    "[" * 100_000,
    '[{"type":"NOVEL"}]',
    '[{"type":["PONG"]}]',
    '[{"type":"REGISTER"}]',
    '[{"type":"REGISTER","agent":{"hostname":5},"version":"1"}]',
    '12\n[{"type":"P',  # RecordIO, and cut
    "[]",
    '[{"type":"PONG"}]',
    '[{"type":"LEAVING"}]',
    '[{"type":"UPDATES","updates":[]}]',
]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flags = (*FAST, "--max-frameworks", str(MAX_FRAMEWORKS))
    server = Server("master", tmp_path_factory.mktemp("hostile-agents"), *flags)
    server.wait_until_healthy()
    yield server
    server.stop()


async def agents_of(master: Server) -> list[Json]:
    agents: list[Json] = (await get(master.port, "/slaves")).json["slaves"]
    return agents


async def test_a_link_that_does_not_begin_with_register_is_closed(master: Server) -> None:
    async with unharmed(master):
        for frame in NOT_REGISTER:
            async with open_link(master.port) as link:
                await link.socket.send(frame)
                assert await link.end() == _PROTOCOL_ERROR, frame[:40]


@pytest.mark.parametrize(
    ("frame", "is_text", "code"),
    [(b"\xff\xfe", True, _NO_TEXT), (b"[]", False, _PROTOCOL_ERROR)],
    ids=["no UTF-8", "binary"],
)
async def test_a_frame_that_is_no_text_ends_the_link(
    master: Server, frame: bytes, is_text: bool, code: int
) -> None:
    async with unharmed(master), open_link(master.port) as link:
        await link.socket.send(frame, text=is_text)
        assert await link.end() == code


@pytest.mark.parametrize(
    "message",
    [register(), {"type": "NOVEL"}, {"type": "UPDATES", "updates": [{"status": {}}]}],
    ids=["a second REGISTER", "an unknown type", "an update of nothing"],
)
async def test_a_registered_agent_that_talks_nonsense_loses_its_link_and_may_come_back(
    master: Server, message: Json
) -> None:
    name = hostname()
    async with unharmed(master):
        async with open_link(master.port) as link:
            await link.say(register(name))
            (registered, *_) = await link.hear()
            await link.say(message)
            assert await link.end() == _PROTOCOL_ERROR
        async with FakeAgent(master.port, name, agent={"id": registered["agent_id"]}) as back:
            assert back.id == registered["agent_id"]["value"]


async def test_a_frame_of_64_mb_is_read_and_refused(master: Server) -> None:
    async with unharmed(master, peak_mb=400), open_link(master.port) as link:
        await link.socket.send("[" + " " * (64 * 2**20 - 2) + "]")
        assert await link.end() == _PROTOCOL_ERROR


async def test_a_larger_frame_is_not_read(master: Server) -> None:
    async with unharmed(master, peak_mb=200), open_link(master.port) as link:
        with suppress(ConnectionClosed):  # in the middle of it
            await link.socket.send("x" * (65 * 2**20))
        assert await link.end() == _TOO_BIG


async def test_a_flood_of_messages_in_one_frame_does_not_hold_the_others_up(
    master: Server,
) -> None:
    async with (
        unharmed(master, grown_mb=60, peak_mb=150) as bystander,
        open_link(master.port) as link,
    ):
        await link.say(register(hostname()))
        await link.hear()
        await link.say(*[_PONG] * 300_000)
        await bystander.wait_for_heartbeats(2)
        await link.say({"type": "LEAVING"})
        await link.end()


@pytest.mark.parametrize(
    "resources",
    [
        [{"name": "cpus", "type": "SCALAR", "scalar": {"value": "NaN"}}],
        [{"name": "cpus", "type": "SCALAR", "scalar": {"value": "Infinity"}}],
        [scalar("cpus", 1e300)],
        [scalar("cpus", -1)],
        [scalar("", 1)],
        [{**scalar("cpus", 1), "role": "a/" * 100_000 + "b"}],
        [{**scalar("cpus", 1), "role": "/a"}],
        [{"name": "cpus", "type": "SCALAR"}],
        [{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 9, "end": 1}]}}],
        [{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": -9, "end": 1}]}}],
        [
            {
                "name": "ports",
                "type": "RANGES",
                "ranges": {"range": [{"begin": 2 * n, "end": 2 * n} for n in range(1_000_000)]},
            }
        ],
        [{"name": "ids", "type": "SET", "set": {"item": [f"i{n}" for n in range(1_000_000)]}}],
        [scalar(f"r{n}", 1) for n in range(100_000)],
    ],
    ids=lambda resources: json.dumps(resources)[:60],
)
async def test_absurd_resources_are_refused_with_a_sentence(
    master: Server, resources: list[Json]
) -> None:
    name = hostname()
    async with unharmed(master, grown_mb=60, peak_mb=500), open_link(master.port) as link:
        await link.say(register(name, resources))
        (refused,) = await link.hear()
        assert refused["type"] == "REFUSED"
        assert 10 < len(refused["reason"]) < 300
        await link.end()
        assert name not in {agent["hostname"] for agent in await agents_of(master)}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": {"value": "../../etc"}}, "contains invalid characters"),
        ({"id": {"value": "x" * 10_000}}, "AgentID must not be greater than 255 bytes"),
        (
            {"attributes": [{"name": "a", "type": "TEXT", "text": {"value": "x" * 2**23}}]},
            "'AgentInfo' must not be larger",
        ),
    ],
    ids=["a path as id", "a long id", "huge attributes"],
)
async def test_an_agent_that_cannot_be_is_refused(
    master: Server, fields: Json, reason: str
) -> None:
    async with unharmed(master, peak_mb=100), open_link(master.port) as link:
        await link.say(register(hostname(), agent=fields))
        (refused,) = await link.hear()
        assert refused["type"] == "REFUSED"
        assert reason in refused["reason"]


async def test_a_second_agent_of_the_same_id_is_refused_and_the_first_goes_on(
    master: Server,
) -> None:
    async with (
        unharmed(master),
        FakeAgent(master.port, hostname(), resources=[*RESOURCES, scalar("own", 1)]) as first,
        open_link(master.port) as second,
    ):
        await second.say(register(hostname(), agent={"id": {"value": first.id}}))
        (refused,) = await second.hear()
        assert refused["type"] == "REFUSED"
        assert "connected already" in refused["reason"]
        found = {agent["id"]: agent["active"] for agent in await agents_of(master)}
        assert found[first.id] is True


async def test_an_agent_that_comes_back_before_its_old_link_ended_replaces_it(
    master: Server,
) -> None:
    name = hostname()
    async with unharmed(master), open_link(master.port) as old:
        await old.say(register(name))
        (registered, *_) = await old.hear()
        async with FakeAgent(master.port, name, agent={"id": registered["agent_id"]}):
            assert await old.end() == 1000
            names = [agent["hostname"] for agent in await agents_of(master)]
            assert names.count(name) == 1


async def test_an_agent_cannot_make_up_more_frameworks_than_there_may_be(master: Server) -> None:
    frameworks = [
        {"user": "u", "name": "n", "id": {"value": f"made-up-{n}"}, "failover_timeout": 2.0}
        for n in range(20_000)
    ]
    async with unharmed(master, grown_mb=60, peak_mb=200), open_link(master.port) as link:
        await link.say(register(hostname(), frameworks=frameworks))
        await link.hear()
        known = (await get(master.port, "/frameworks")).json["frameworks"]
        assert len(known) <= MAX_FRAMEWORKS
        await link.say({"type": "LEAVING"})
        await link.end()

    async def all_forgotten() -> bool:
        return not (await get(master.port, "/frameworks")).json["frameworks"]

    await eventually(all_forgotten)


async def test_updates_of_nothing_known_are_answered_and_not_kept(master: Server) -> None:
    async with unharmed(master) as bystander, FakeAgent(master.port, hostname()) as agent:
        stranger = {"value": "nobody"}
        updates = [update(stranger, f"t{n}", agent.id, "TASK_RUNNING") for n in range(5_000)]
        updates += [update(bystander.info["id"], "t", agent.id, "TASK_FAILED")]
        await agent.link.say({"type": "UPDATES", "updates": updates})
        await bystander.wait_for_state("TASK_FAILED", ["t"])
        await eventually(lambda: agent.heard and agent.heard[-1]["type"] == "ACKNOWLEDGE")
        shut_down = [m["framework_id"] for m in agent.heard if m["type"] == "SHUTDOWN_FRAMEWORK"]
        assert shut_down == [stranger] * 5_000


async def test_an_agent_that_does_not_read_is_cut_off(master: Server) -> None:
    async with (
        unharmed(master, grown_mb=100, peak_mb=200) as bystander,
        open_link(master.port) as link,
    ):
        await link.say(register(hostname()))
        (registered, *_) = await link.hear()
        link.socket.transport.pause_reading()
        for _ in range(150):  # 1 MiB each, and what the master keeps for an agent is 64
            await send_to_executor(bystander, registered["agent_id"], "A" * 2**20)
        link.socket.transport.resume_reading()
        await link.end()


async def send_to_executor(framework: RawFramework, agent_id: Json, data: str) -> None:
    fields = {"agent_id": agent_id, "executor_id": {"value": "e"}, "data": data}
    await framework.call("MESSAGE", fields)


async def test_a_master_that_has_seen_all_this_still_launches(master: Server) -> None:
    async with FakeAgent(master.port), RawFramework(master.port) as framework:
        await run_one(framework)
