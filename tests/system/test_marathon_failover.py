"""Leading Marathons are killed while they deploy; what was asked for is there in the end, once."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import zookeeper
from tests.support.waiting import eventually
from tests.system.marathons import Cluster, cluster, launches

SEED = 20
DEPLOYMENT_S = 60.0


@pytest.fixture
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(1) as running:
        running.start()
        yield running


@pytest.mark.timeout(300)
async def test_three_leaders_are_killed_in_mid_deployment(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with cluster(tmp_path, ensemble) as running:
        await _kill_leaders(running, kills=3, instances=10)


@pytest.mark.timeout(300)
async def test_a_leader_that_was_frozen_becomes_a_standby_and_does_nothing_more(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with cluster(tmp_path, ensemble, marathons=2, agents=1) as running:
        (tmp_path / "starts").mkdir()
        await running.call("PUT", "/v2/apps/web", _app(tmp_path / "starts", 4))
        await running.settled(DEPLOYMENT_S)
        frozen = await eventually(running.leader)
        frozen.signal(signal.SIGSTOP)
        await eventually(running.leader, DEPLOYMENT_S)
        await running.call("PUT", "/v2/apps/web", {"env": {"N": "1"}})

        frozen.signal(signal.SIGCONT)

        await running.settled(DEPLOYMENT_S)
        await _all_is_as_wanted(running, 4)
        answered = await eventually(lambda: running.passed_on_by(frozen), DEPLOYMENT_S)
        assert len(answered["tasks"]) == 4


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_twenty_leaders_are_killed_in_mid_deployment(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with cluster(tmp_path, ensemble, agents=3) as running:
        await _kill_leaders(running, kills=20, instances=40)


async def _kill_leaders(running: Cluster, kills: int, instances: int) -> None:
    """Replace and scale the app again and again, and kill every leader part of the way through."""
    chance = random.Random(SEED)
    interrupted = 0
    (running.directory / "starts").mkdir()
    await running.call("PUT", "/v2/apps/web", _app(running.directory / "starts", instances))
    for number in range(kills):
        await _progressed(running, chance.randrange(1, instances // 2))
        interrupted += bool(await running.call("GET", "/v2/deployments"))
        await running.kill_leader()
        await running.settled(DEPLOYMENT_S)
        await _all_is_as_wanted(running, instances)
        instances += chance.choice([-2, 0, 0, 2])
        change = {"env": {"N": str(number)}, "instances": instances}
        await running.call("PUT", "/v2/apps/web", change)
    await running.settled(DEPLOYMENT_S)
    await _all_is_as_wanted(running, instances)
    assert interrupted >= kills * 0.6, "most leaders had nothing to do when they were killed"


def _app(starts: Path, instances: int) -> dict[str, object]:
    return {
        "id": "/web", "cpus": 0.1, "mem": 16, "instances": instances,
        "cmd": f"echo $$ >> {starts}/$MESOS_TASK_ID; exec sleep 98765",
        "backoffSeconds": 0, "backoffFactor": 1.0,
        "upgradeStrategy": {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 0.2},
    }  # fmt: skip


async def _progressed(running: Cluster, count: int) -> None:
    """Wait until so many tasks of the app's present version run."""

    async def have() -> bool:
        version = (await running.call("GET", "/v2/apps/web"))["app"]["version"]
        return Counter((await running.running("/web")).values())[version] >= count

    await eventually(have, DEPLOYMENT_S)


async def _all_is_as_wanted(running: Cluster, instances: int) -> None:
    """So many tasks run, each of them as one process, and there is no other."""

    async def is_so() -> bool:
        tasks = await running.running("/web")
        return len(tasks) == instances and running.processes() == dict.fromkeys(tasks, 1)

    try:
        await eventually(is_so, DEPLOYMENT_S)
    except AssertionError:
        tasks, processes = await running.running("/web"), running.processes()
        raise AssertionError(f"{len(tasks)} tasks of {instances}: {tasks}; {processes}") from None
    twice = {task: count for task, count in launches(running.directory).items() if count != 1}
    assert not twice, "a task was started more than once"
