"""Several Marathons on a real ensemble: one leads, the others pass on, and take over."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kazoo.client import KazooClient
from tests.integration.marathon.conftest import Api
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually, zookeeper

from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import RunningMarathon, serve_marathon
from orchestrator.runtime.store import StoreError

_paths = itertools.count()


@pytest.fixture(scope="module")
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1) as running:
        running.start()
        yield running


class Marathons:
    """Marathons of one path, each with a client."""

    def __init__(self, uri: str, master: HttpMaster, stack: AsyncExitStack) -> None:
        self.uri = uri
        self._master = master
        self._stack = stack
        self.all: list[tuple[RunningMarathon, Api]] = []

    async def start(self, **fields: Any) -> Api:
        """One more; those after the first become standbys."""
        config = MarathonConfig(port=0, master=self._master.url, zk=self.uri, **fields)
        running = await self._stack.enter_async_context(serve_marathon(config))
        session = await self._stack.enter_async_context(aiohttp.ClientSession(running.url))
        api = Api(session)
        self.all.append((running, api))
        if len(self.all) == 1:
            await eventually(lambda: leads(api))
        else:
            await eventually(lambda: knows_leader(api))
        return api

    def address(self, api: Api) -> str:
        """host:port"""
        return next(f"127.0.0.1:{running.port}" for running, own in self.all if own is api)


async def leads(api: Api) -> bool:
    return "marathon_elected 1.0" in (await api.call("GET", "/metrics"))[1]


async def knows_leader(api: Api) -> bool:
    return "marathon_leader_known 1.0" in (await api.call("GET", "/metrics"))[1]


@pytest.fixture
async def marathons(ensemble: zookeeper.Ensemble, master: HttpMaster) -> AsyncIterator[Marathons]:
    async with AsyncExitStack() as stack:
        yield Marathons(ensemble.uri(f"/marathon{next(_paths)}"), master, stack)


@pytest.fixture
async def leader(marathons: Marathons) -> Api:
    return await marathons.start()


@pytest.fixture
async def standby(marathons: Marathons, leader: Api) -> Api:
    return await marathons.start()


async def post_large(api: Api, app: dict[str, Any]) -> tuple[int, Any]:
    body, headers = io.BytesIO(json.dumps(app).encode()), {"Content-Type": "application/json"}
    return await api.call("POST", "/v2/apps", data=body, headers=headers)


async def test_a_standby_passes_requests_on(
    marathons: Marathons, leader: Api, standby: Api
) -> None:
    async with standby.session.post("/v2/apps", json={"id": "/a", "cmd": "x"}) as answer:
        assert answer.status == 201
        assert answer.headers["X-Marathon-Via"] == f"1.1 {marathons.address(standby)}"
        assert answer.headers["X-Marathon-Leader"] == f"http://{marathons.address(leader)}"
    await standby.settled()

    assert [app["id"] for app in (await leader.get("/v2/apps"))["apps"]] == ["/a"]
    assert await standby.call("GET", "/v2/apps//nope") == await leader.call("GET", "/v2/apps//nope")


async def test_a_leader_names_itself_and_not_a_way(marathons: Marathons, leader: Api) -> None:
    async with leader.session.get("/v2/info") as answer:
        assert answer.headers["X-Marathon-Leader"] == f"http://{marathons.address(leader)}"
        assert "X-Marathon-Via" not in answer.headers


async def test_all_say_who_leads(marathons: Marathons, leader: Api, standby: Api) -> None:
    address = marathons.address(leader)
    for api in (leader, standby):
        assert await api.get("/v2/leader") == {"leader": address}
        info = await api.get("/v2/info")
        assert (info["leader"], info["elected"]) == (address, True)
        assert info["marathon_config"]["ha"] is True
        assert info["zookeeper_config"]["zk"] == marathons.uri
        assert (await api.call("GET", "/ping")) == (200, "pong")


async def test_a_standby_tells_of_its_own_health(standby: Api) -> None:
    assert await standby.get("/health") == {"healthy": True, "elected": False}
    assert not await leads(standby)


async def test_listeners_are_sent_to_the_leader(
    marathons: Marathons, leader: Api, standby: Api
) -> None:
    accepting = {"Accept": "text/event-stream"}
    path = "/v2/events?event_type=status_update_event"
    async with standby.session.get(path, headers=accepting, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"] == f"http://{marathons.address(leader)}{path}"


async def test_a_body_of_megabytes_passes_both_ways(leader: Api, standby: Api) -> None:
    large = "x" * 3_000_000
    app = {"id": "/large", "cmd": "x", "instances": 0, "labels": {"large": large}}
    assert (await post_large(standby, app))[0] == 201
    assert (await standby.get("/v2/apps/large"))["app"]["labels"]["large"] == large


async def test_a_body_over_the_limit_is_refused_by_the_standby(leader: Api, standby: Api) -> None:
    status, answer = await post_large(standby, {"id": "/a", "cmd": "x" * 9_000_000})
    assert status == 413
    assert "limit" in answer["message"]


async def test_a_request_that_comes_back_ends(
    marathons: Marathons, leader: Api, standby: Api
) -> None:
    own = {"X-Marathon-Via": f"1.1 {marathons.address(standby)}"}
    other = {"X-Marathon-Via": "1.1 elsewhere:8080"}
    looping = await standby.call("GET", "/v2/apps", headers=own)
    assert looping == (502, {"message": "Detected proxying loop."})
    assert (await standby.call("GET", "/v2/apps", headers=other))[0] == 200


async def test_whoever_takes_over_goes_on_with_everything(
    leader: Api, standby: Api, master: HttpMaster
) -> None:
    large = "x" * 3_000_000
    app = {"id": "/a", "cmd": "x", "instances": 3, "labels": {"large": large}}
    assert (await post_large(leader, app))[0] == 201
    await leader.settled()
    tasks = {task["id"] for task in (await leader.get("/v2/tasks"))["tasks"]}

    abdicated = await standby.call("DELETE", "/v2/leader")

    assert abdicated == (200, {"message": "Leadership abdicated"})
    await eventually(lambda: leads(standby))
    assert (await standby.get("/v2/apps/a"))["app"]["labels"]["large"] == large
    await standby.call("PUT", "/v2/apps/a", {"instances": 4})
    await standby.settled()
    after = {task["id"] for task in (await standby.get("/v2/tasks"))["tasks"]}
    assert after > tasks and len(after) == 4
    assert set(master.mesos.launches.values()) == {1}
    second = master.subscriptions[-1].framework_id
    assert second is not None and second.value == "framework"
    await eventually(lambda: knows_leader(leader))
    assert (await leader.get("/v2/leader"))["leader"] != ""


async def test_the_only_marathon_leads_again_when_it_abdicates(
    leader: Api, master: HttpMaster
) -> None:
    await leader.deploy(id="/a", cmd="x")
    await leader.call("DELETE", "/v2/leader")
    await eventually(lambda: len(master.subscriptions) == 2)
    assert len((await leader.get("/v2/apps"))["apps"]) == 1


async def test_a_leader_that_is_stopped_hands_over_at_once(
    marathons: Marathons, master: HttpMaster
) -> None:
    config = MarathonConfig(port=0, master=master.url, zk=marathons.uri, zk_session_timeout_s=60.0)
    async with serve_marathon(config) as first:
        await eventually(lambda: first.core is not None)
        async with serve_marathon(config) as second:
            assert second.core is None
    async with serve_marathon(config) as third:
        await eventually(lambda: third.core is not None)


async def test_event_streams_end_with_the_term(leader: Api) -> None:
    accepting = {"Accept": "text/event-stream"}
    async with leader.session.get("/v2/events", headers=accepting) as stream:
        await leader.call("DELETE", "/v2/leader")
        await asyncio.wait_for(stream.content.read(), 60)


async def test_a_leader_whose_znode_is_gone_becomes_a_standby(
    marathons: Marathons, leader: Api, standby: Api, ensemble: zookeeper.Ensemble
) -> None:
    hosts, _, path = marathons.uri.removeprefix("zk://").partition("/")
    client = KazooClient(hosts)
    await asyncio.to_thread(client.start)
    members = await asyncio.to_thread(client.get_children, f"/{path}/leader")
    await asyncio.to_thread(client.delete, f"/{path}/leader/{min(members)}")
    await asyncio.to_thread(client.stop)
    await asyncio.to_thread(client.close)

    await eventually(lambda: leads(standby))
    await eventually(lambda: knows_leader(leader))
    assert (await leader.get("/v2/leader"))["leader"] == marathons.address(standby)


async def test_a_backup_is_written_between_terms_and_restored_later(
    leader: Api, standby: Api, tmp_path: Path
) -> None:
    file = tmp_path / "with space"
    await leader.deploy(id="/a", cmd="x", instances=2)
    await leader.call("DELETE", "/v2/leader", params={"backup": file.as_uri()})
    await eventually(lambda: leads(standby))
    head = json.loads(file.read_text().splitlines()[0])
    assert head["backup"] == "orchestrator-marathon"
    await standby.deploy(id="/b", cmd="x")

    await standby.call("DELETE", "/v2/leader", params={"restore": file.as_uri()})

    await eventually(lambda: leads(leader))
    assert [app["id"] for app in (await leader.get("/v2/apps"))["apps"]] == ["/a"]


@pytest.mark.parametrize("uri", ["s3://bucket/key", "file://host/x", "file:x", "/x", "file:///x/"])
@pytest.mark.parametrize("parameter", ["backup", "restore"])
async def test_other_places_for_a_backup_are_refused(leader: Api, uri: str, parameter: str) -> None:
    status, answer = await leader.call("DELETE", "/v2/leader", params={parameter: uri})
    assert status == 422
    assert answer["details"][0]["path"] == f"/{parameter}"
    assert await leads(leader)


async def test_what_cannot_be_restored_leaves_the_state_as_it_was(
    leader: Api, standby: Api, tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text("{}")
    await leader.deploy(id="/a", cmd="x")
    await leader.call("DELETE", "/v2/leader", params={"restore": (tmp_path / "broken").as_uri()})
    await eventually(lambda: leads(standby))
    assert [app["id"] for app in (await standby.get("/v2/apps"))["apps"]] == ["/a"]


async def test_the_state_of_a_newer_marathon_is_refused_in_a_sentence(
    marathons: Marathons, leader: Api
) -> None:
    hosts, _, path = marathons.uri.removeprefix("zk://").partition("/")
    client = KazooClient(hosts)
    await asyncio.to_thread(client.start)
    await asyncio.to_thread(client.set, f"/{path}/store/.keys/format", b"=99")
    await asyncio.to_thread(client.stop)
    await asyncio.to_thread(client.close)

    await leader.call("DELETE", "/v2/leader")

    (running, _), *_ = marathons.all
    with pytest.raises(StoreError, match="newer Orchestrator"):
        await asyncio.wait_for(running.failed, 60)
