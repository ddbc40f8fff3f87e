"""The scheduler endpoint's answers, in the order in which Mesos comes to them (http.cpp)."""

from __future__ import annotations

import json

import pytest
from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import SCHEDULER, RawFramework
from tests.conformance.raw_http import JSON, Answer, Json, open_stream, request

INFO = {"user": "root", "name": "codes"}
SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}
UNKNOWN_FRAMEWORK = {"type": "REVIVE", "framework_id": {"value": "nobody"}}


async def post(cluster: Cluster, body: Json, path: str = SCHEDULER, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items() if value}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await request(cluster.port, "POST", path, data, named)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_is_allowed(cluster: Cluster, method: str) -> None:
    answer = await request(cluster.port, method, SCHEDULER)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


async def test_a_body_without_a_content_type_is_a_bad_request(cluster: Cluster) -> None:
    assert (await post(cluster, SUBSCRIBE)).status == 400


async def test_another_content_type_is_unsupported_whatever_the_body(cluster: Cluster) -> None:
    assert (await post(cluster, b"{", Content_Type="text/plain")).status == 415


async def test_parameters_of_the_content_type_are_no_matter(cluster: Cluster) -> None:
    answer = await post(cluster, UNKNOWN_FRAMEWORK, Content_Type=f"{JSON}; charset=utf-8")
    assert (answer.status, answer.text) == (400, "Framework cannot be found")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"type":' * 50_000,
        b'{"type":"\xff"}',
        b'{"type":' + b"9" * 5000 + b"}",
        {"type": "NOVEL"},
        {"type": 5},
        {"type": "SUBSCRIBE"},
        {"type": "SUBSCRIBE", "subscribe": {}},
        {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u"}}},
        {"type": "SUBSCRIBE", "subscribe": {"framework_info": {**INFO, "id": {"value": "F"}}}},
        {"type": "SUBSCRIBE", "subscribe": {"framework_info": [INFO]}},
        {"type": "TEARDOWN"},
        {"type": "ACCEPT", "framework_id": {"value": "F"}},
        {"type": "KILL", "framework_id": {"value": "F"}, "kill": {"task_id": "t"}},
        {"type": "ACKNOWLEDGE", "framework_id": {"value": "F"}, "acknowledge": {"uuid": "?"}},
    ],
)
async def test_what_is_no_call_is_a_bad_request(cluster: Cluster, body: Json) -> None:
    answer = await post(cluster, body, Content_Type=JSON, Accept=JSON)
    assert answer.status == 400
    assert answer.text
    assert "Traceback" not in answer.text


async def test_a_call_is_validated_before_what_it_accepts(cluster: Cluster) -> None:
    answer = await post(cluster, {"type": "SUBSCRIBE"}, Content_Type=JSON, Accept="text/html")
    assert answer.status == 400


async def test_a_stream_of_a_type_that_cannot_be_sent_is_not_acceptable(cluster: Cluster) -> None:
    answer = await post(
        cluster, SUBSCRIBE, Content_Type=JSON, Accept="text/html", Mesos_Stream_Id="x"
    )
    assert answer.status == 406


async def test_a_subscription_must_not_name_a_stream(cluster: Cluster) -> None:
    answer = await post(cluster, SUBSCRIBE, Content_Type=JSON, Accept=JSON, Mesos_Stream_Id="x")
    assert answer.status == 400


@pytest.mark.parametrize("accept", ["*/*", "application/*", f"{JSON}, text/html;q=0.5", ""])
async def test_whoever_accepts_json_gets_json(cluster: Cluster, accept: str) -> None:
    headers = {"Content-Type": JSON, **({"Accept": accept} if accept else {})}
    status, received, _, writer = await open_stream(
        cluster.port, SCHEDULER, json.dumps(SUBSCRIBE).encode(), headers
    )
    writer.close()
    assert status == 200
    assert received["content-type"] == JSON


async def test_a_subscription_is_a_chunked_stream_with_an_id(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port)
    first = await framework.subscribe()
    assert first["type"] == "SUBSCRIBED"
    assert first["subscribed"]["heartbeat_interval_seconds"] == 0.5
    assert first["subscribed"]["master_info"]["port"] == cluster.port
    assert 0 < len(framework.stream_id.encode()) <= 128
    await framework.call("TEARDOWN")
    await framework.disconnect()


@pytest.mark.parametrize("path", [SCHEDULER, "/master/api/v1/scheduler"])
async def test_an_unknown_framework_cannot_be_found(cluster: Cluster, path: str) -> None:
    answer = await post(cluster, UNKNOWN_FRAMEWORK, path, Content_Type=JSON)
    assert (answer.status, answer.text) == (400, "Framework cannot be found")


async def test_a_disconnected_framework_is_not_subscribed(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "away", failover_timeout=60.0)
    await framework.subscribe()
    await framework.disconnect()

    async def refused() -> Answer | None:
        answer = await framework.try_call("REVIVE")
        return answer if answer.status == 403 else None

    while (answer := await refused()) is None:
        pass
    assert answer.text == "Framework is not subscribed"
    await framework.subscribe()
    await framework.call("TEARDOWN")
    await framework.disconnect()


async def test_a_call_must_name_the_stream_of_its_subscription(cluster: Cluster) -> None:
    async with RawFramework(cluster.port) as framework:
        missing = await post(
            cluster, {"type": "REVIVE", "framework_id": framework.info["id"]}, Content_Type=JSON
        )
        other = await framework.try_call("REVIVE", **{"Mesos-Stream-Id": "another"})
        right = await framework.try_call("REVIVE")
    assert [missing.status, other.status, right.status] == [400, 400, 202]
    assert right.body == b""


async def test_a_call_of_no_type_is_not_carried_out(cluster: Cluster) -> None:
    async with RawFramework(cluster.port) as framework:
        answer = await framework.try_call("UNKNOWN")
    assert answer.status in (400, 501)


@pytest.mark.parametrize("megabytes", [10, 100])
async def test_a_huge_body_is_refused_and_the_master_goes_on(
    cluster: Cluster, megabytes: int
) -> None:
    body = b'{"type":"' + b"x" * (megabytes * 2**20) + b'"}'
    try:
        answer = await post(cluster, body, Content_Type=JSON)
    except ConnectionError:
        assert megabytes > 64  # cut off in the middle of it
    else:
        assert answer.status in (400, 413)
    assert cluster.get("/version")["version"]


@pytest.mark.parametrize(
    "changes",
    [
        {"failover_timeout": "NaN"},
        {"failover_timeout": "Infinity"},
        {"failover_timeout": -1},
        {"role": "a/../b"},
        {"role": "a b"},
        {"roles": ["a"]},
        {"roles": ["a", "a"], "capabilities": [{"type": "MULTI_ROLE"}]},
        {"role": "a", "capabilities": [{"type": "MULTI_ROLE"}]},
    ],
)
async def test_a_framework_that_cannot_be_gets_an_error_event(
    cluster: Cluster, changes: dict[str, Json]
) -> None:
    framework = RawFramework(cluster.port, **changes)
    first = await framework.subscribe()
    assert first["type"] == "ERROR"
    assert first["error"]["message"]
    await framework.wait_for_end()
    await framework.disconnect()
