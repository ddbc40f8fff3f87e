"""A mixed load on many agents fills the cluster, and each role gets what is fair.

Services and batch jobs that want more than there is, a role with a guarantee, and a framework that
keeps every offer it gets and is therefore limited. Everything runs in the pure core, on virtual
time; agents are nothing but clocks that end tasks.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from orchestrator.master.config import MasterConfig
from orchestrator.master.core.commands import RoleQuota, UpdateQuota
from orchestrator.master.core.messages import AgentSaid, Effect, ToAgent, ToFramework
from orchestrator.mesos import link
from orchestrator.mesos.resources import MILLI
from orchestrator.mesos.types import (
    AgentID,
    FrameworkID,
    Offer,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)

from .world import FakeFramework, World, task

AGENT = "cpus:8;mem:32768;ports:[31000-31999]"
CPUS, MEM_MB = 8, 32768
WEIGHTS = {"services": 1.0, "services/api": 3.0, "batch": 2.0}
GUARANTEED = {"vip": 0.3}
LIMITED = {"hoarder": 0.04}
STEP_S = 1.0


@dataclass
class Job:
    """A framework that always wants more tasks of one size; ``life_s`` bounds how long they run."""

    role: str
    cpus: int
    mem: int
    life_s: tuple[float, float]
    started: int = 0
    inbox: list[Offer] = field(default_factory=list)


JOBS = (
    ("services/web", 1, 2048, (50.0, 100.0)),
    ("services/api", 2, 2048, (50.0, 100.0)),
    ("batch", 2, 1024, (5.0, 20.0)),
    ("batch", 1, 1024, (5.0, 20.0)),
    ("vip", 1, 1024, (30.0, 60.0)),
)


class Load(World):
    """A world that keeps no history, and in which tasks end by themselves."""

    def __init__(self, agents: int) -> None:
        super().__init__(MasterConfig(offer_timeout_s=10.0), weights=dict(WEIGHTS))
        self.random = random.Random(agents)
        self.jobs: dict[str, Job] = {}
        self.frameworks: dict[str, FakeFramework] = {}
        self.ids: dict[str, str] = {}
        self._ends: list[tuple[float, str, str, str, str]] = []
        self._set_quota(agents)
        for role, cpus, mem, life_s in JOBS:
            self._add(Job(role, cpus, mem, life_s))
        self.framework(role="hoarder")
        for _ in range(agents):
            self.agent(AGENT)

    def _set_quota(self, agents: int) -> None:
        quotas = [
            *(RoleQuota(role=r, guarantees=_part(agents, p)) for r, p in GUARANTEED.items()),
            *(RoleQuota(role=r, limits=_part(agents, p)) for r, p in LIMITED.items()),
        ]
        self.operate(UpdateQuota(tuple(quotas), force=True))

    def _add(self, job: Job) -> None:
        framework = self.framework(role=job.role)
        self.jobs[framework.stream] = job
        self.frameworks[framework.stream] = framework
        self.ids[framework.stream] = framework.id

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ToFramework) and effect.event.offers is not None:
                if job := self.jobs.get(effect.stream):
                    job.inbox += effect.event.offers.offers
            elif isinstance(effect, ToAgent) and isinstance(effect.message, link.RunTasks):
                self._run(effect.link, effect.message)
            elif not (isinstance(effect, ToFramework) and effect.event.update):
                super()._take([effect])

    def _run(self, to: str, message: link.RunTasks) -> None:
        framework_id = message.framework.id.value if message.framework.id else ""
        (stream,) = (s for s, known in self.ids.items() if known == framework_id)
        for wanted in message.tasks:
            at = self.now + self.random.uniform(*self.jobs[stream].life_s)
            entry = (at, to, wanted.agent_id.value, stream, wanted.task_id.value)
            heapq.heappush(self._ends, entry)

    def step(self) -> None:
        """Let a while pass: tasks end, and frameworks answer their offers."""
        self.advance(STEP_S)
        while self._ends and self._ends[0][0] <= self.now:
            self._end(*heapq.heappop(self._ends)[1:])
        for agent in list(self.master.cluster.agents.values()):
            agent.heard_at = self.now  # as if it had answered pings
        while any(job.inbox for job in self.jobs.values()):  # they answer within milliseconds
            for stream, job in self.jobs.items():
                offers, job.inbox = job.inbox, []
                for offer in offers:
                    self._answer(self.frameworks[stream], job, offer)

    def _end(self, to: str, agent_id: str, stream: str, task_id: str) -> None:
        status = TaskStatus(
            task_id=TaskID(value=task_id),
            state=TaskState.FINISHED,
            agent_id=AgentID(value=agent_id),
            uuid=b"u",
            timestamp=self.now,
        )
        update = link.StatusUpdate(framework_id=FrameworkID(value=self.ids[stream]), status=status)
        self.feed(AgentSaid(to, link.StatusUpdates(updates=[update])))
        self.frameworks[stream].acknowledge(status)

    def _answer(self, framework: FakeFramework, job: Job, offer: Offer) -> None:
        if offer.id.value not in self.master.cluster.offers:
            return  # rescinded meanwhile
        wanted = list(self._fitting(job, offer))
        if wanted:
            framework.accept([offer], wanted)
        else:
            framework.decline(offer)

    def _fitting(self, job: Job, offer: Offer) -> Iterator[TaskInfo]:
        free = {r.name: r.scalar.value for r in offer.resources if r.scalar is not None}
        while free.get("cpus", 0) >= job.cpus and free.get("mem", 0) >= job.mem:
            free["cpus"] -= job.cpus
            free["mem"] -= job.mem
            job.started += 1
            resources = f"cpus:{job.cpus};mem:{job.mem}"
            yield task(f"task.{job.started}", offer.agent_id.value, resources)

    def used(self) -> float:
        """The part of all CPUs on which tasks run."""
        agents = self.master.cluster.agents.values()
        return sum(a.usage.used.scalar("cpus") for a in agents) / (len(agents) * CPUS)

    def share(self, role: str) -> float:
        """The dominant share of a role and those below it, which here is of CPUs."""
        cluster = self.master.cluster
        has = sum(
            usage.allocated.scalar("cpus")
            for framework in cluster.frameworks.values()
            for name, usage in framework.usage.items()
            if name == role or name.startswith(role + "/")
        )
        return has * MILLI / cluster.totals["cpus"]


def _part(agents: int, part: float) -> dict[str, int]:
    """So much of everything that this many agents have."""
    whole = {"cpus": CPUS, "mem": MEM_MB}
    return {name: int(agents * amount * part * MILLI) for name, amount in whole.items()}


def fair_shares() -> dict[str, float]:
    """What top roles get when each wants everything: water is poured until the vessel is full."""
    roles = ("services", "batch", "vip", "hoarder")
    low, high = 0.0, 1.0
    for _ in range(60):
        level = (low + high) / 2
        shares = {
            role: min(
                LIMITED.get(role, 1.0), max(GUARANTEED.get(role, 0.0), level * WEIGHTS.get(role, 1))
            )
            for role in roles
        }
        low, high = (level, high) if sum(shares.values()) < 1 else (low, level)
    return shares


@pytest.mark.parametrize(
    "agents",
    [40, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])],
)
def test_a_mixed_load_fills_the_cluster_and_everybody_gets_what_is_fair(agents: int) -> None:
    load = Load(agents)
    for _ in range(30):
        load.step()
    used, shares = [], {role: [0.0] for role in fair_shares()}
    for _ in range(60):
        load.step()
        used.append(load.used())
        for role, seen in shares.items():
            seen.append(load.share(role))
    assert sum(used) / len(used) > 0.85
    for role, fair in fair_shares().items():
        assert sum(shares[role]) / len(used) == pytest.approx(fair, abs=0.02), role
