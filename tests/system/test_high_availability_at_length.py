"""Fifty agents with a thousand tasks: ten leaders killed, a ZooKeeper node, the network cut.

The agents are simulated (``benchmarks.simulated.returning``), masters and ZooKeeper are real, each
pair of them on a network of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from benchmarks.simulated.returning import ReturningFleet
from tests.support import network, zookeeper
from tests.support.waiting import eventually
from tests.system.masters import FAIL_OVER_S, FollowingFramework, Master, Masters, masters

from orchestrator.zookeeper.leader import follow
from orchestrator.zookeeper.uri import parse

pytestmark = pytest.mark.soak
AGENTS, TASKS_AN_AGENT, KILLS = 50, 20, 10


class Trial:
    """What is done to the cluster, and what has to hold after each time."""

    def __init__(
        self, cluster: Masters, fleet: ReturningFleet, framework: FollowingFramework
    ) -> None:
        self.cluster = cluster
        self.task_ids: list[str] = []
        self.recovery_s: list[float] = []
        self._fleet = fleet
        self._framework = framework

    async def launch(self) -> None:
        self.task_ids = await self._framework.launch(AGENTS, TASKS_AN_AGENT, "unused")
        assert len(self.task_ids) == AGENTS * TASKS_AN_AGENT

    async def lose_the_leader(self, lose: Callable[[Master], Awaitable[None]]) -> Master:
        """Do it, see that another leads in time and knows every task; return who led."""
        leader = await self.cluster.leader()
        others = [master for master in self.cluster.all if master is not leader]
        began = time.monotonic()
        await lose(leader)
        await eventually(lambda: _any_leads(others), FAIL_OVER_S, interval_s=0.02)
        self.recovery_s.append(time.monotonic() - began)
        await self._framework.move()
        await self.all_run()
        return leader

    async def all_run(self) -> None:
        await eventually(lambda: self._fleet.registered == AGENTS)
        assert await self._framework.reconcile(self.task_ids) == {"TASK_RUNNING"}

    def check(self) -> None:
        self._framework.remember()
        assert self._framework.states() == {"TASK_RUNNING"}
        assert self._fleet.kills == []


async def test_no_task_is_lost_whatever_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if reason := zookeeper.missing() or network.missing():
        pytest.skip(reason)
    with network.network(3) as net, zookeeper.ensemble(places=net.places) as ensemble:
        ensemble.start()
        fleet = ReturningFleet(AGENTS)
        following = asyncio.create_task(follow(parse(ensemble.uri("/mesos")), fleet.follow))
        try:
            async with (
                masters(tmp_path, ensemble, net.places) as cluster,
                FollowingFramework(cluster) as framework,
            ):
                trial = Trial(cluster, fleet, framework)
                await trial.launch()
                await _kill_leaders(trial)
                await _kill_a_zookeeper_node(trial, ensemble)
                await _cut_leaders_off(trial, net, ensemble)
                trial.check()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await fleet.close()
    median_s, worst_s = statistics.median(trial.recovery_s), max(trial.recovery_s)
    with capsys.disabled():
        print(f"\na leader serves again after {median_s:.2f} s (median), {worst_s:.2f} s (worst)")  # noqa: T201


async def _kill_leaders(trial: Trial) -> None:
    for _ in range(KILLS):
        killed = await trial.lose_the_leader(Master.kill)
        await killed.start()


async def _kill_a_zookeeper_node(trial: Trial, ensemble: zookeeper.Ensemble) -> None:
    leader, node = await trial.cluster.leader(), ensemble.leader()
    node.kill()
    await trial.all_run()
    assert await trial.cluster.leader() is leader
    node.start()
    await asyncio.to_thread(ensemble.wait_until_up)


async def _cut_leaders_off(
    trial: Trial, net: network.Network, ensemble: zookeeper.Ensemble
) -> None:
    """With its ZooKeeper node: it has to find out by itself that it leads no more."""

    async def cut(leader: Master) -> None:
        net.cut(_place(net, leader))

    for _ in range(3):
        deposed = await trial.lose_the_leader(cut)
        net.heal(_place(net, deposed))
        await asyncio.to_thread(ensemble.wait_until_up)  # two of three nodes have to be there
        await eventually(deposed.redirects, FAIL_OVER_S)
        await trial.all_run()


def _place(net: network.Network, master: Master) -> zookeeper.Place:
    return next(place for place in net.places if place.host == master.host)


async def _any_leads(candidates: list[Master]) -> bool:
    return any(await asyncio.gather(*(master.leads() for master in candidates)))
