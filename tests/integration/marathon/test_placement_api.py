"""Persistent volumes, features and explanations, as clients see them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually
from tests.unit.marathon.reserving import RESIDENT_POD, ReservingMaster

from orchestrator.mesos.resources import Resources
from orchestrator.runtime.config import ConfigError

VOLUME = {"containerPath": "data", "mode": "RW", "persistent": {"size": 64}}
RESIDENT = {"id": "/db", "cmd": "x", "container": {"type": "MESOS", "volumes": [VOLUME]}}


@pytest.fixture
async def resident(master: HttpMaster, start: Start) -> AsyncIterator[Api]:
    """A Marathon in the role web on a master that reserves."""
    master.mesos = ReservingMaster()
    async with start(role="web") as running, aiohttp.ClientSession(running.url) as session:
        yield Api(session)


def mesos(master: HttpMaster) -> ReservingMaster:
    assert isinstance(master.mesos, ReservingMaster)
    return master.mesos


async def task_of(api: Api, unlike: str = "") -> Any:
    async def running() -> Any:
        tasks = (await api.get("/v2/apps/db/tasks"))["tasks"]
        found = [t for t in tasks if t["state"] == "TASK_RUNNING" and t["id"] != unlike]
        return found and found[0]

    return await eventually(running)


async def test_a_task_shows_its_volumes(resident: Api) -> None:
    await resident.deploy(**RESIDENT)
    task = await task_of(resident)
    (volume,) = task["localVolumes"]
    assert volume == {
        "runSpecId": "/db",
        "containerPath": "data",
        "uuid": volume["uuid"],
        "persistenceId": f"db#data#{volume['uuid']}",
    }
    assert task["role"] == "web"


async def test_a_killed_task_comes_back_with_its_volume(resident: Api) -> None:
    await resident.deploy(**RESIDENT)
    before = await task_of(resident)
    await resident.call("DELETE", f"/v2/apps/db/tasks/{before['id']}")
    after = await task_of(resident, unlike=before["id"])
    assert after["localVolumes"] == before["localVolumes"]
    assert after["slaveId"] == before["slaveId"]


async def test_a_wiped_task_comes_back_with_another_volume(
    resident: Api, master: HttpMaster
) -> None:
    await resident.deploy(**RESIDENT)
    before = await task_of(resident)
    await resident.call("DELETE", f"/v2/apps/db/tasks/{before['id']}?wipe=true")
    after = await task_of(resident, unlike=before["id"])
    assert after["localVolumes"] != before["localVolumes"]

    async def is_freed() -> bool:
        return len(mesos(master).volumes()) == 1

    await eventually(is_freed)


async def pod_instance(api: Api, state: str) -> Any:
    async def found() -> Any:
        instances = (await api.get("/v2/pods/db::status"))["instances"]
        return instances and instances[0]["status"] == state and instances[0]

    return await eventually(found)


async def test_a_pod_shows_its_volumes_also_while_there_is_nothing_else_of_it(
    resident: Api,
) -> None:
    status, created = await resident.call("POST", "/v2/pods", RESIDENT_POD)
    assert (status, created["role"]) == (201, "web")
    (volume,) = created["volumes"]
    assert volume["persistent"] == {"size": 512, "type": "root", "constraints": []}
    before = await pod_instance(resident, "STABLE")
    (shown,) = before["localVolumes"]
    assert shown == {
        "runSpecId": "/db",
        "containerPath": "data",
        "uuid": shown["uuid"],
        "persistenceId": f"db#data#{shown['uuid']}",
    }
    none = created | {"scaling": {"kind": "fixed", "instances": 0}}
    assert (await resident.call("PUT", "/v2/pods/db", none))[0] == 200
    kept = await pod_instance(resident, "TERMINAL")
    assert kept["containers"] == []
    for name in ("id", "agentId", "localVolumes", "role"):
        assert kept[name] == before[name]
    assert (await resident.call("PUT", "/v2/pods/db", created))[0] == 200
    assert (await pod_instance(resident, "STABLE"))["localVolumes"] == before["localVolumes"]


async def test_a_role_of_a_resident_pod_is_changed_with_force(resident: Api) -> None:
    pod = {**RESIDENT_POD, "id": "/dev/db"}
    assert (await resident.call("POST", "/v2/pods", {**pod, "role": "web"}))[0] == 201
    await resident.settled()
    status, answer = await resident.call("PUT", "/v2/pods/dev/db", {**pod, "role": "dev"})
    assert status == 422
    assert [one["path"] for one in answer["details"]] == ["/role"]
    path = "/v2/pods/dev/db?force=true&dryRun=true"
    assert (await resident.call("PUT", path, {**pod, "role": "dev"}))[0] == 200


async def test_a_deleted_app_leaves_nothing_reserved(resident: Api, master: HttpMaster) -> None:
    await resident.deploy(**RESIDENT)
    await resident.call("DELETE", "/v2/apps/db")

    async def is_freed() -> bool:
        return mesos(master).reserved() == Resources() and not mesos(master).tasks

    await eventually(is_freed)


async def test_volumes_that_are_kept_are_listed_until_they_are_wiped(resident: Api) -> None:
    await resident.deploy(**RESIDENT)
    before = await task_of(resident)
    await resident.call("PUT", "/v2/apps/db", {"instances": 0})
    await resident.settled()
    (kept,) = (await resident.get("/v2/apps/db/tasks"))["tasks"]
    assert (kept["state"], kept["ports"], kept["localVolumes"]) == (
        "TASK_KILLED",
        [],
        before["localVolumes"],
    )
    assert "startedAt" not in kept
    await resident.call("DELETE", f"/v2/apps/db/tasks/{kept['id']}?wipe=true")
    assert (await resident.get("/v2/apps/db/tasks"))["tasks"] == []


async def test_a_change_of_what_is_reserved_is_refused(resident: Api) -> None:
    await resident.deploy(**RESIDENT)
    status, answer = await resident.call("PUT", "/v2/apps/db", {"cpus": 2})
    assert status == 422
    assert answer["details"][0]["path"] == "/cpus"
    assert "please create a new service" in answer["details"][0]["errors"][0]


async def test_the_queue_explains_to_those_who_ask(api: Api) -> None:
    await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x", "cpus": 1000})

    async def explained() -> Any:
        (item,) = (await api.get("/v2/queue?embed=explanation"))["queue"]
        return item["explanation"] if item["explanation"].get("offers") else None

    found = await eventually(explained)
    assert found["canEverFit"] is False
    assert (found["knownAgents"], found["fittingAgents"]) == (3, 0)
    assert found["offers"][0]["lacks"] == ["8.0 cpus of the 1000.0 wanted"]
    assert found["needed"][0].startswith("an agent with 1000.0 cpus")
    assert found["wants"] == ["1000.0 cpus", "128.0 mem", "1 host port", "role *"]
    assert "explanation" not in (await api.get("/v2/queue"))["queue"][0]


async def test_an_external_volume_is_refused_with_the_feature_it_needs(api: Api) -> None:
    volume = {"containerPath": "x", "mode": "RW", "external": {"provider": "dvdi", "name": "v"}}
    container = {"type": "MESOS", "volumes": [volume]}
    status, answer = await api.call("POST", "/v2/apps", {"id": "/a", "container": container})
    assert status == 422
    assert answer["details"] == [
        {
            "path": "/container/volumes(0)",
            "errors": [
                "Feature external_volumes is not enabled. "
                "Enable with --enable_features external_volumes)"
            ],
        }
    ]


@pytest.mark.parametrize(
    "container",
    [
        {"type": "MESOS", "volumes": [{"containerPath": "x", "persistent": {}}]},
        {"type": "MESOS", "volumes": [{"containerPath": "x", "persistent": {"size": "large"}}]},
        {"type": "MESOS", "volumes": [{"containerPath": "x", "persistent": []}]},
        {"type": "MESOS", "volumes": [{}]},
        {"type": "MESOS", "linuxInfo": {"ipcInfo": {"mode": "NONE"}}},
        {"type": "MESOS", "linuxInfo": []},
    ],
)
async def test_containers_of_a_wrong_shape_are_refused(api: Api, container: Any) -> None:
    status, _ = await api.call("POST", "/v2/apps", {"id": "/a", "container": container})
    assert status in (400, 422)


async def test_the_features_that_are_on_are_shown(start: Start) -> None:
    features = ("secrets", "gpu_resources")
    async with (
        start(enable_features=features) as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        info = await Api(session).get("/v2/info")
    assert info["marathon_config"]["features"] == ["gpu_resources", "secrets"]


async def test_a_feature_that_does_not_exist_is_refused_at_the_start(start: Start) -> None:
    with pytest.raises(ConfigError, match="teleportation: known are external_volumes"):
        async with start(enable_features=("teleportation",)):
            pass
