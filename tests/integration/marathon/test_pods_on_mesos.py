"""A pod on a real master and a real agent: two containers that share a network, a life as one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.integration.agent.cgroup_trees import remove_all_of
from tests.integration.agent.containers import clear_containers
from tests.integration.agent.processes import end_all_below
from tests.integration.marathon.conftest import Api
from tests.support import eventually

from orchestrator.agent.config import AgentConfig
from orchestrator.agent.server import serve_agent
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import serve_marathon
from orchestrator.master.config import MasterConfig
from orchestrator.master.server import serve_master

WEB = f"echo $$ > pid; exec {sys.executable} -m http.server --bind 127.0.0.1 $ENDPOINT_HTTP"
SIDE = f"""
echo $$ > pid
until {sys.executable} -c "import os, urllib.request as r
r.urlopen('http://127.0.0.1:' + os.environ['ENDPOINT_HTTP'])"; do sleep 0.1; done
touch reached
exec sleep 1000
"""
SIZE = {"cpus": 0.1, "mem": 64}
POD = {
    "id": "/pair",
    "containers": [
        {
            "name": "web",
            "exec": {"command": {"shell": WEB}},
            "resources": SIZE,
            "endpoints": [{"name": "http"}],
            "healthCheck": {
                "exec": {"command": {"shell": "test -e pid"}},
                "delaySeconds": 0,
                "intervalSeconds": 2,
                "timeoutSeconds": 1,
            },
        },
        {"name": "side", "exec": {"command": {"shell": SIDE}}, "resources": SIZE},
    ],
    "networks": [{"mode": "host"}],
    "scheduling": {"backoff": {"backoff": 0.1}},
}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Api]:
    """A master, an agent and a Marathon, all in this process."""
    async with running(tmp_path) as api:
        yield api


@asynccontextmanager
async def running(tmp_path: Path, role: str = "*") -> AsyncIterator[Api]:
    """They, with a Marathon of that role."""
    try:
        async with platform_of(tmp_path, role) as api:
            yield api
    finally:
        end_all_below(tmp_path)
        clear_containers(tmp_path / "agent/native")
        remove_all_of(tmp_path / "agent")


@asynccontextmanager
async def platform_of(tmp_path: Path, role: str) -> AsyncIterator[Api]:
    """They, without what is cleared away afterwards."""
    master_config = MasterConfig(
        port=0, data_dir=str(tmp_path / "master"), allocation_interval_s=0.1
    )
    async with serve_master(master_config) as master:
        agent_config = AgentConfig(
            master=master.url,
            port=0,
            data_dir=str(tmp_path / "agent"),
            docker_socket="",
            resources="cpus:4;mem:1024;disk:1000;ports:[31000-31099]",
            secrets_dir=str(tmp_path / "store"),
        )
        async with serve_agent(agent_config) as agent:
            marathon_config = MarathonConfig(
                port=0,
                data_dir=str(tmp_path / "marathon"),
                master=master.url,
                enable_features=("secrets",),
                role=role,
            )
            async with (
                serve_marathon(marathon_config) as marathon,
                aiohttp.ClientSession(marathon.url) as session,
            ):
                yield Api(session)
            await agent.shutdown(kill_tasks=True)


async def stable(api: Api, incarnation: int) -> Any:
    """The pod's only instance, once it has been launched so often and is stable."""

    async def found() -> Any:
        status = await api.get("/v2/pods/pair::status")
        for one in status["instances"]:
            ids = [container["containerId"] for container in one["containers"]]
            if one["status"] == "STABLE" and all(i.endswith(f".{incarnation}") for i in ids):
                return status
        return None

    try:
        return await eventually(found)
    except AssertionError:
        stands = json.dumps(await standing(api), indent=1)
        raise AssertionError(f"launch {incarnation} is not stable; {stands}") from None


async def standing(api: Api) -> dict[str, Any]:
    """How the pod, what it waits for, its tasks and the offers stand, for who reads a failure."""
    status = await api.get("/v2/pods/pair::status")
    info = await api.get("/v2/info")
    async with api.session.get(f"{info['marathon_config']['master']}/state") as response:
        cluster = await response.json()
    agents = ("hostname", "active", "resources", "used_resources", "offered_resources")
    kinds = ("tasks", "completed_tasks", "unreachable_tasks")
    tasks = [task for one in cluster["frameworks"] for kind in kinds for task in one[kind]]
    return {
        "instances": status["instances"],
        "ended": status["terminationHistory"],
        "queue": await api.get("/v2/queue?embed=lastUnusedOffers"),
        "deployments": await api.get("/v2/deployments"),
        "agents": [{name: one.get(name) for name in agents} for one in cluster["slaves"]],
        "offers": [one["offers"] for one in cluster["frameworks"]],
        "tasks": [(task["id"], task["state"]) for task in tasks],
    }


def pids(directory: Path) -> set[int]:
    """The processes of all containers that run."""
    found = {int(file.read_text() or 0) for file in directory.rglob("containers/*/pid")}
    return {pid for pid in found if pid and Path(f"/proc/{pid}/cmdline").exists()}


async def test_a_pod_lives_and_dies_as_one(platform: Api, tmp_path: Path) -> None:
    status, created = await platform.call("POST", "/v2/pods", POD)
    assert status == 201, created
    running = await stable(platform, 1)
    (instance,) = running["instances"]
    assert [one["status"] for one in instance["containers"]] == ["TASK_RUNNING"] * 2
    (healthy,) = instance["containers"][0]["conditions"]
    assert (healthy["name"], healthy["value"]) == ("healthy", "true")
    assert await eventually(lambda: [*tmp_path.rglob("reached")])
    before = pids(tmp_path)
    assert len(before) == 2

    os.kill(min(before), signal.SIGKILL)
    again = await stable(platform, 2)
    assert await eventually(lambda: len(pids(tmp_path)) == 2 and not pids(tmp_path) & before)
    assert [one["id"] for one in again["instances"]] == [instance["id"]]
    (ended,) = again["terminationHistory"]
    states = sorted(one["lastKnownState"] for one in ended["containers"])
    assert states == ["TASK_FAILED", "TASK_KILLED"]

    assert (await platform.call("DELETE", "/v2/pods/pair?force=true"))[0] == 202
    await platform.settled()
    assert await eventually(lambda: pids(tmp_path) == set())
    assert await platform.get("/v2/pods") == []


async def test_the_containers_of_a_pod_share_a_volume(platform: Api, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("native containers need root and runc (Debian: runc)")
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "data"}]}
    commands = {
        "writer": "echo hello > data/word; exec sleep 1000",
        "reader": "until grep hello data/word; do sleep 0.1; done; touch read; exec sleep 1000",
    }
    containers = [
        {"name": name, "exec": {"command": {"shell": line}}, "resources": SIZE, **mounts}
        for name, line in commands.items()
    ]
    pod = {"id": "/pair", "containers": containers, "volumes": [{"name": "data"}]}
    assert (await platform.call("POST", "/v2/pods", pod))[0] == 201
    await stable(platform, 1)
    assert await eventually(lambda: [*tmp_path.rglob("read")])
    assert (await platform.call("DELETE", "/v2/pods/pair"))[0] == 202
    await platform.settled()


WRITER = """
echo $MESOS_TASK_ID >> data/words
touch written
until test -e fail; do sleep 0.1; done
exit 1
"""
READER = """
until grep -q ${MESOS_TASK_ID%.reader.*}.writer.${MESOS_TASK_ID##*.} shelf/words; do sleep 0.1; done
touch shelf/no && exit 1
cp shelf/words new; mv new known; exec sleep 1000
"""


def resident(**fields: Any) -> dict[str, Any]:
    """A pod that writes into its persistent volume in one container and reads in another."""
    mounts = {
        "writer": {"name": "data", "mountPath": "data"},
        "reader": {"name": "data", "mountPath": "shelf", "readOnly": True},
    }
    lines = {"writer": WRITER, "reader": READER}
    containers = [
        {
            "name": name,
            "exec": {"command": {"shell": line}},
            "resources": SIZE,
            "volumeMounts": [mounts[name]],
            "lifecycle": {"killGracePeriodSeconds": 0.1},  # the first process ignores SIGTERM
        }
        for name, line in lines.items()
    ]
    volumes = [{"name": "data", "persistent": {"size": 16}}]
    scheduling = {"backoff": {"backoff": 0.1}}
    pod = {"id": "/pair", "containers": containers, "volumes": volumes, "scheduling": scheduling}
    return pod | fields


def have_writer_fail(tmp_path: Path) -> None:
    """The only one that was launched so far."""
    (written,) = tmp_path.rglob("containers/*/written")
    written.with_name("fail").touch()


async def test_a_persistent_volume_outlives_the_containers_that_share_it(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("native containers need root and runc (Debian: runc)")

    def known(count: int) -> list[str]:
        """What the reader of that launch has read: a word for each launch so far."""
        texts = [file.read_text().split() for file in tmp_path.rglob("containers/*/known")]
        return next((words for words in texts if len(words) == count), [])

    roles = tmp_path / "agent/volumes/roles"
    async with running(tmp_path, role="web") as api:
        status, created = await api.call("POST", "/v2/pods", resident())
        assert status == 201, created
        (first,) = (await stable(api, 1))["instances"]
        assert await eventually(lambda: known(1))
        (volume,) = first["localVolumes"]
        assert (volume["containerPath"], first["role"]) == ("data", "web")
        assert (roles / "web" / volume["persistenceId"] / "words").exists()

        have_writer_fail(tmp_path)
        (second,) = (await stable(api, 2))["instances"]
        assert await eventually(lambda: known(2))

        assert (await api.call("PUT", "/v2/pods/pair", resident(labels={"a": "b"})))[0] == 200
        await api.settled()
        (third,) = (await stable(api, 3))["instances"]
        assert await eventually(lambda: known(3))
        found = [(one["id"], one["localVolumes"]) for one in (second, third)]
        assert found == [(first["id"], first["localVolumes"])] * 2

        path = f"/v2/pods/pair::instances/{first['id']}?wipe=true"
        assert (await api.call("DELETE", path))[0] == 200
        (fourth,) = (await stable(api, 1))["instances"]
        assert fourth["localVolumes"] != first["localVolumes"]
        gone = roles / "web" / volume["persistenceId"]
        assert await eventually(lambda: not gone.exists())

        assert (await api.call("DELETE", "/v2/pods/pair"))[0] == 202
        await api.settled()
        assert await eventually(lambda: not [*roles.glob("web/*")])


def keep_secret(tmp_path: Path) -> None:
    """Put a secret into the agent's store."""
    store = tmp_path / "store"
    (store / "db").mkdir(parents=True)
    (store / "db/password").write_text("s3cret")


def two_files(directory: Path, name: str) -> list[Path]:
    """The files of that name in the sandboxes of two containers, once both are there."""
    found = [*directory.rglob(f"containers/*/{name}")]
    return found if len(found) == 2 else []


async def test_containers_of_a_pod_get_its_secret_as_a_variable(
    platform: Api, tmp_path: Path
) -> None:
    keep_secret(tmp_path)
    line = 'echo "$PASSWORD" > new; mv new known; exec sleep 1000'
    pod = {
        "id": "/pair",
        "secrets": {"password": {"source": "db/password"}},
        "environment": {"PASSWORD": {"secret": "password"}},
        "containers": [
            {
                "name": name,
                "exec": {"command": {"shell": line}},
                "resources": SIZE,
                "resourceLimits": {"cpus": "unlimited", "mem": "unlimited"},
            }
            for name in ("one", "two")
        ],
    }
    status, created = await platform.call("POST", "/v2/pods", pod)
    assert status == 201, created
    assert created["environment"] == pod["environment"]
    assert created["containers"][0]["resourceLimits"] == {"cpus": "unlimited", "mem": "unlimited"}
    shown = await stable(platform, 1)
    assert "s3cret" not in str(shown)
    files = await eventually(lambda: two_files(tmp_path, "known"))
    assert {file.read_text() for file in files} == {"s3cret\n"}
    assert (await platform.call("DELETE", "/v2/pods/pair"))[0] == 202
    await platform.settled()


async def test_a_container_of_a_pod_gets_a_secret_as_a_file(platform: Api, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("native containers need root and runc (Debian: runc)")
    keep_secret(tmp_path)
    line = "grep s3cret keys/password && touch known; exec sleep 1000"
    one = {
        "name": "one",
        "exec": {"command": {"shell": line}},
        "resources": SIZE,
        "volumeMounts": [{"name": "key", "mountPath": "keys/password"}],
    }
    pod = {
        "id": "/pair",
        "secrets": {"password": {"source": "db/password"}},
        "volumes": [{"name": "key", "secret": "password"}],
        "containers": [one],
    }
    assert (await platform.call("POST", "/v2/pods", pod))[0] == 201
    await stable(platform, 1)
    assert await eventually(lambda: [*tmp_path.rglob("known")])
    assert (await platform.call("DELETE", "/v2/pods/pair"))[0] == 202
    await platform.settled()
