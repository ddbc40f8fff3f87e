"""What pymesos 0.3 does that other clients do not (its scheduler.py and process.py)."""

from __future__ import annotations

import json

from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import SCHEDULER, RawFramework
from tests.conformance.raw_http import JSON, open_stream, read_records


async def test_it_closes_its_connections_and_insists_on_chunks(cluster: Cluster) -> None:
    call = {
        "type": "SUBSCRIBE",
        "subscribe": {"framework_info": {"user": "root", "name": "py", "id": None}},
        "framework_id": None,
    }
    status, headers, reader, writer = await open_stream(
        cluster.port,
        SCHEDULER,
        json.dumps(call).encode(),
        {"Content-Type": JSON, "Accept": JSON, "Connection": "close"},
    )
    assert status == 200
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    records = read_records(reader)
    assert (await anext(records))["type"] == "SUBSCRIBED"
    await records.aclose()  # type: ignore[attr-defined]
    writer.close()


async def test_it_requests_resources_with_the_field_twice(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "py") as framework:
        await framework.call("REQUEST", {"requests": []})


async def test_it_sends_calls_without_the_fields_that_may_be_left_out(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "py") as framework:
        await framework.call("REVIVE")
        await framework.call("SUPPRESS")
        await framework.call("REVIVE", {"roles": []})
        await framework.call("REVIVE", {})


async def test_it_acknowledges_only_what_has_a_uuid_key(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "py") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        framework.events.clear()
        await framework.reconcile((task, None))
        await framework.wait_for_state("TASK_RUNNING", [task])
        assert all("uuid" not in status for status in framework.statuses())


async def test_it_sends_nulls_and_more_than_was_asked_for(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "py") as framework:
        (offer, *_) = await framework.wait_for_offers(1)
        task = framework.task(offer, executor=None, novel={"a": [None]}, labels=None)
        task["command"]["environment"] = {"variables": [{"name": "A", "value": "1", "x": None}]}
        (task_id,) = await framework.launch(offer, [task])
        await framework.wait_for_state("TASK_RUNNING", [task_id])
