"""Frameworks that are broken or mean: refused in Mesos' form, cut off, and nobody else is hurt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.conformance.cluster import Server
from tests.conformance.conftest import FAST
from tests.conformance.hostile import RESOURCES, FakeAgent, hostname, run_one, unharmed
from tests.conformance.raw_framework import SCHEDULER, RawFramework, scalar
from tests.conformance.raw_http import JSON, Answer, Json, get, open_stream, read_records, request
from tests.support import eventually

MAX_UNREAD = 4 * 2**20
MULTI_ROLE = [{"type": "MULTI_ROLE"}]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flags = (*FAST, "--max-unread-bytes", str(MAX_UNREAD))
    server = Server("master", tmp_path_factory.mktemp("hostile-frameworks"), *flags)
    server.wait_until_healthy()
    yield server
    server.stop()


async def post(master: Server, body: bytes, **headers: str) -> Answer:
    return await request(
        master.port, "POST", SCHEDULER, body, {"Content-Type": JSON, "Accept": JSON, **headers}
    )


def subscribe_call(**info: Json) -> bytes:
    framework_info = {"user": "root", "name": "hostile", **info}
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info}}
    return json.dumps(call).encode()


# --- what is no call -----------------------------------------------------------------------------


async def test_records_where_a_call_is_expected_are_refused(master: Server) -> None:
    call = subscribe_call()
    async with unharmed(master):
        for body in (b"%d\n%b" % (len(call), call), b"99999999999\n{}", b"-1\n{}", b"7\n{}"):
            answer = await post(master, body)
            assert answer.status == 400
            assert "Failed to parse body into JSON" in answer.text
        answer = await post(master, call, **{"Content-Type": "application/recordio"})
        assert answer.status == 415


async def test_calls_that_are_cut_in_the_middle_are_forgotten(master: Server) -> None:
    call = subscribe_call()
    head = f"POST {SCHEDULER} HTTP/1.1\r\nHost: h\r\nContent-Type: {JSON}\r\n"
    async with unharmed(master):
        for end in range(0, len(call), 3):
            _, writer = await asyncio.open_connection("127.0.0.1", master.port)
            sent = f"{head}Content-Length: {len(call)}\r\n\r\n".encode() + call[:end]
            writer.write(sent)
            writer.close()
        frameworks = (await get(master.port, "/frameworks")).json["frameworks"]
        assert [framework["name"] for framework in frameworks] == ["bystander"]


# --- what is too large ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (
            {"labels": {"labels": [{"key": f"k{n}", "value": "v" * 1000} for n in range(5000)]}},
            "'FrameworkInfo' must not be larger",
        ),
        ({"name": "n" * 2**22}, "'FrameworkInfo' must not be larger"),
        (
            {"roles": [f"r{n}" for n in range(100_000)], "capabilities": MULTI_ROLE},
            "'FrameworkInfo.roles' must not contain more than",
        ),
        ({"id": {"value": "x" * 10_000}}, "framework id must not be greater than 255 bytes"),
    ],
    ids=["labels", "name", "roles", "id"],
)
async def test_a_framework_that_is_too_much_gets_an_error_event(
    master: Server, info: dict[str, Json], reason: str
) -> None:
    async with unharmed(master, peak_mb=120):
        framework = RawFramework(master.port)
        framework.info |= info
        first = await framework.subscribe()
        assert first["type"] == "ERROR"
        assert reason in first["error"]["message"]
        await framework.wait_for_end()
        await framework.disconnect()


async def test_a_task_with_huge_labels_is_an_error(master: Server) -> None:
    async with unharmed(master) as bystander:
        labels = {"labels": [{"key": "k", "value": "v" * 2**20}]}
        task_id = await bystander.launch_one(labels=labels)
        await bystander.wait_for_state("TASK_ERROR", [task_id])
        assert "must not be larger" in bystander.statuses(task_id)[0]["message"]


@pytest.mark.parametrize("seconds", [1e300, -1.0, "NaN", "Infinity"])
async def test_absurd_times_do_no_harm(master: Server, seconds: Json) -> None:
    async with (
        unharmed(master),
        RawFramework(master.port, failover_timeout=1e300) as framework,
        FakeAgent(master.port, hostname()),
    ):
        offers = await framework.wait_for_offers(1)
        fields = {
            "offer_ids": [offer["id"] for offer in offers],
            "filters": {"refuse_seconds": seconds},
        }
        await framework.call("DECLINE", fields)
        await framework.disconnect()
        assert (await framework.subscribe())["type"] == "SUBSCRIBED"


# --- streams that nobody reads -------------------------------------------------------------------


async def test_a_framework_that_never_reads_is_cut_off(master: Server) -> None:
    async with unharmed(master, grown_mb=30, peak_mb=60) as bystander:
        framework, stream = await subscribe_deaf(master)
        questions = [(f"{'t' * 200}.{n}", None) for n in range(1000)]  # 400 KB of answers

        async def is_cut() -> bool:
            answer = await framework.try_call("RECONCILE", reconcile_fields(questions))
            return (answer.status, answer.text) == (400, "Framework cannot be found")

        await eventually(is_cut)
        await run_one(bystander)
        stream.close()


async def subscribe_deaf(master: Server) -> tuple[RawFramework, asyncio.StreamWriter]:
    """A framework whose stream is read up to SUBSCRIBED, and no further."""
    framework = RawFramework(master.port, "deaf")
    _, headers, reader, writer = await open_stream(
        master.port, SCHEDULER, subscribe_call(), {"Content-Type": JSON, "Accept": JSON}
    )
    framework.stream_id = headers["mesos-stream-id"]
    subscribed = await anext(read_records(reader))
    framework.info["id"] = subscribed["subscribed"]["framework_id"]
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    return framework, writer


async def test_one_question_too_many_at_once_costs_the_stream_only(master: Server) -> None:
    async with unharmed(master, grown_mb=60, peak_mb=400):
        framework = RawFramework(master.port, "curious")
        await framework.subscribe()
        questions = [(f"t{n}", None) for n in range(100_000)]
        await framework.call("RECONCILE", reconcile_fields(questions))
        await framework.wait_for_end()
        await framework.disconnect()


def reconcile_fields(tasks: list[tuple[str, None]]) -> Json:
    return {"tasks": [{"task_id": {"value": task_id}} for task_id, _ in tasks]}


# --- hoarding and refusing -----------------------------------------------------------------------


async def test_others_get_what_a_hoarder_does_not_hold(master: Server) -> None:
    async with (
        FakeAgent(master.port, hostname()) as held,
        RawFramework(master.port, "hoarder") as hoarder,
    ):
        await hoarder.wait_for_offers(1)
        async with (
            RawFramework(master.port, "other") as other,
            FakeAgent(master.port, hostname()) as free,
        ):
            (offer, *_) = await other.wait_for_offers(1)
            assert offer["agent_id"]["value"] == free.id
            await run_one(other)
            assert [o["agent_id"]["value"] for o in hoarder.offers()] == [held.id]


async def test_with_a_timeout_what_a_hoarder_holds_comes_back(tmp_path: Path) -> None:
    master = Server("master", tmp_path, *FAST, "--offer-timeout-s", "0.5")
    try:
        master.wait_until_healthy()
        async with (
            FakeAgent(master.port) as agent,
            RawFramework(master.port, "hoarder", role="hoard") as hoarder,
        ):
            await hoarder.wait_for_offers(1)
            async with RawFramework(master.port, "patient", role="patient") as patient:
                (offer, *_) = await patient.wait_for_offers(1)
                assert offer["agent_id"]["value"] == agent.id
                assert hoarder.of_type("RESCIND")
                await run_one(patient)
    finally:
        master.stop()


async def test_refusals_in_a_thousand_roles_leave_room_for_others(master: Server) -> None:
    roles = [f"refuse{n}" for n in range(1000)]
    async with (
        unharmed(master, grown_mb=40, peak_mb=80),
        RawFramework(master.port, "no", roles=roles, capabilities=MULTI_ROLE) as refuser,
        FakeAgent(master.port, hostname()),
    ):
        for _ in range(100):
            offers = await refuser.wait_for_offers(1)
            await refuser.decline(offers, refuse_seconds=1e9)


# --- the same id twice ---------------------------------------------------------------------------


async def test_a_task_id_in_use_is_an_error_and_the_task_that_has_it_runs_on(
    master: Server,
) -> None:
    async with unharmed(master) as bystander:
        task_id = await run_one(bystander)
        offer = (await bystander.wait_for_offers(1))[0]
        again = bystander.task(offer, task_id={"value": task_id})
        twice = bystander.task(offer)
        await bystander.launch(offer, [again, twice, twice])
        new_id = twice["task_id"]["value"]
        await bystander.wait_for_state("TASK_RUNNING", [new_id])
        await bystander.wait_for_state("TASK_ERROR", [task_id, new_id])
        errors = [s for s in bystander.statuses() if s["state"] == "TASK_ERROR"]
        assert [s["reason"] for s in errors] == ["REASON_TASK_INVALID"] * 2
        assert errors[0]["message"] == f"Task has duplicate ID: {task_id}"
        await bystander.reconcile((task_id, None))
        await bystander.wait_for(lambda: bystander.states(task_id)[-1] == "TASK_RUNNING")


async def test_frameworks_that_fight_for_one_id_fail_over_in_turn(master: Server) -> None:
    async with unharmed(master):
        first = RawFramework(master.port, "fought-for", failover_timeout=60.0)
        await first.subscribe()
        streams = [first]
        for _ in range(100):
            rival = RawFramework(
                master.port, "fought-for", failover_timeout=60.0, id=first.info["id"]
            )
            await rival.subscribe()
            streams.append(rival)
        for ended in streams[:-1]:
            await ended.wait_for_end()
            assert ended.events[-1] == {
                "type": "ERROR",
                "error": {"message": "Framework failed over"},
            }
            await ended.disconnect()
        await streams[-1].call("TEARDOWN")
        await streams[-1].disconnect()


# --- storms --------------------------------------------------------------------------------------


async def test_a_storm_of_invalid_tasks_is_answered_task_by_task(master: Server) -> None:
    async with unharmed(master, grown_mb=60, peak_mb=120) as bystander:
        offer = (await bystander.wait_for_offers(1))[0]
        tasks = [bystander.task(offer, resources=[scalar("cpus", -1)]) for _ in range(5_000)]
        ids = await bystander.launch(offer, tasks)
        await bystander.wait_for_state("TASK_ERROR", ids)


async def test_a_storm_on_a_fragmented_agent_is_no_larger(master: Server) -> None:
    ports = {"range": [{"begin": 2 * n, "end": 2 * n} for n in range(10_000)]}
    fragmented = [*RESOURCES, {"name": "ports", "type": "RANGES", "ranges": ports}]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(FakeAgent(master.port, hostname(), resources=fragmented))
        bystander = await stack.enter_async_context(unharmed(master, grown_mb=60, peak_mb=150))

        def offered() -> list[Json]:
            return [offer for offer in bystander.offers() if has_ports(offer)]

        (offer, *_) = await bystander.wait_for(offered)
        tasks = [bystander.task(offer, resources=[scalar("cpus", 999)]) for _ in range(2_000)]
        ids = await bystander.launch(offer, tasks)
        await bystander.wait_for_state("TASK_ERROR", ids)
        assert max(len(status["message"]) for status in bystander.statuses(ids[0])) < 2_000


def has_ports(offer: Json) -> bool:
    return any(resource["name"] == "ports" for resource in offer["resources"])
