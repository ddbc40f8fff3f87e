"""Whatever happens in whatever order, the books balance."""

from __future__ import annotations

import random

import pytest

from orchestrator.master.core.cluster import Cluster
from orchestrator.mesos import link
from orchestrator.mesos.resources import total
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import TaskState

from .world import FakeAgent, FakeFramework, World, running

STATES = [TaskState.STARTING, TaskState.RUNNING, TaskState.FINISHED, TaskState.FAILED]


def check(cluster: Cluster) -> None:
    """The sums kept are the sums of what they are about, and nobody has what is not there."""
    for agent in cluster.agents.values():
        live = [t for t in agent.tasks.values() if not t.state.is_terminal]
        assert agent.usage.used == total(t.resources for t in live)
        assert agent.usage.offered == total(cluster.offers[o].resources for o in agent.offers)
        assert agent.usage.allocated in agent.resources
        assert agent.is_connected or not agent.offers
    for framework in cluster.frameworks.values():
        assert framework.is_connected or not framework.offers
        live = [t for t in framework.tasks.values() if not t.state.is_terminal]
        used = total(u.used for u in framework.usage.values())
        assert used == total(t.resources.only_scalars() for t in live)
        for task in framework.tasks.values():
            assert cluster.agents[task.agent_id].tasks[task.key] is task
    assert cluster.totals == {
        name: sum(a.resources.scalars().get(name, 0) for a in cluster.agents.values())
        for name in cluster.totals
    }


class Chaos:
    """Does something arbitrary but possible, again and again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World()
        self.frameworks = [self.world.framework(failover_timeout=20.0) for _ in range(2)]
        self.agents = [self.world.agent() for _ in range(3)]
        self.tasks = 0

    def step(self) -> None:
        often = [self.launch, self.report, self.decline, self.wait]
        seldom = [self.kill, self.return_agent, self.fail_over, self.disconnect_agent]
        rarely = [self.disconnect, self.teardown]
        weights = [6] * len(often) + [2] * len(seldom) + [1] * len(rarely)
        self.random.choices(often + seldom + rarely, weights)[0]()
        check(self.world.master.cluster)

    def framework(self) -> FakeFramework:
        return self.random.choice(self.frameworks)

    def launch(self) -> None:
        framework = self.framework()
        if framework.open_offers and self.is_subscribed(framework):
            self.tasks += 1
            framework.launch(f"t{self.tasks}", resources=f"cpus:{self.random.randint(1, 5)}")

    def is_subscribed(self, framework: FakeFramework) -> bool:
        return framework.stream in self.world.master.cluster.streams

    def decline(self) -> None:
        framework = self.framework()
        for offer in framework.open_offers:
            framework.decline(offer, refuse_s=self.random.choice([0, 1, 10]))

    def report(self) -> None:
        agent = self.random.choice(self.agents)
        known = self.world.master.cluster.links.get(agent.link)
        if known and known.tasks:
            framework_id, task_id = self.random.choice(sorted(known.tasks))
            status = agent.report(framework_id, task_id, self.random.choice(STATES))
            owner = next((f for f in self.frameworks if f.id == framework_id), None)
            if owner and self.random.random() < 0.7:
                owner.acknowledge(status)

    def kill(self) -> None:
        self.framework().kill(f"t{self.random.randint(1, self.tasks + 1)}")

    def fail_over(self) -> None:
        index = self.random.randrange(len(self.frameworks))
        again = self.frameworks[index].again()
        self.frameworks[index] = self.world.framework() if again.errors else again

    def disconnect(self) -> None:
        self.framework().disconnect()

    def teardown(self) -> None:
        index = self.random.randrange(len(self.frameworks))
        self.frameworks[index].call(CallType.TEARDOWN)
        self.frameworks[index] = self.world.framework(failover_timeout=20.0)

    def wait(self) -> None:
        self.world.advance(self.random.choice([0.5, 1, 5, 30]))
        for agent in self.agents:
            if agent.link in self.world.master.cluster.links and self.random.random() < 0.8:
                agent.say(link.Pong())

    def disconnect_agent(self) -> None:
        self.random.choice(self.agents).disconnect()

    def return_agent(self) -> None:
        index = self.random.randrange(len(self.agents))
        agent: FakeAgent = self.agents[index]
        known = self.world.master.cluster.agents.get(agent.id)
        tasks = [t for t in known.tasks.values() if self.random.random() < 0.8] if known else []
        infos = [f.info for f in self.world.master.cluster.frameworks.values()]
        told = [running(t.task_id, t.framework_id, agent.id, t.state) for t in tasks]
        self.agents[index] = agent.again(told, infos)


@pytest.mark.parametrize("seed", range(60))
def test_the_books_balance_after_every_step(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(60):
        chaos.step()
