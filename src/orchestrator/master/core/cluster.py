"""What the master remembers: agents, frameworks, their tasks and the offers that are out.

Records (``records``) are changed in place, only by the functions of this package. Resources are
accounted here and nowhere else: each record keeps the sum of what its tasks use and what it is
offered, so that sums are never recomputed over tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.master.core.records import (
    Agent,
    Framework,
    LiveExecutor,
    LiveTask,
    OutstandingOffer,
)
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import TaskState

MAX_UNREACHABLE = 102_400  # Mesos' --registry_max_agent_count


@dataclass(slots=True)
class Cluster:
    """Everything the master knows, with resources always accounted."""

    frameworks: dict[str, Framework] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    offers: dict[str, OutstandingOffer] = field(default_factory=dict)
    completed: dict[str, Framework] = field(default_factory=dict)  # oldest first
    unreachable: dict[str, float] = field(default_factory=dict)  # agent id: since
    totals: dict[str, int] = field(default_factory=dict)  # scalars of all agents, thousandths
    touched: set[str] = field(default_factory=set)  # agents on which anything changed
    streams: dict[str, Framework] = field(default_factory=dict)  # whose the open streams are
    links: dict[str, Agent] = field(default_factory=dict)  # whose the open links are

    def connected_frameworks(self) -> Iterator[Framework]:
        """The frameworks that have a stream."""
        return (f for f in self.frameworks.values() if f.is_connected)

    def note_unreachable(self, agent_id: str, now: float) -> str | None:
        """Remember that an agent is away; of too many such, the oldest is forgotten and named."""
        self.unreachable[agent_id] = now
        if len(self.unreachable) <= MAX_UNREACHABLE:
            return None
        oldest = next(iter(self.unreachable))
        del self.unreachable[oldest]
        return oldest

    def open_stream(self, framework: Framework, stream: str) -> None:
        """Let a framework listen on a stream, and on no other."""
        self.close_stream(framework)
        framework.stream = stream
        self.streams[stream] = framework

    def close_stream(self, framework: Framework) -> None:
        """Let a framework be disconnected."""
        if framework.stream is not None:
            del self.streams[framework.stream]
        framework.stream = None

    def open_link(self, agent: Agent, link: str) -> None:
        """Let an agent be reached by a link, and by no other."""
        self.close_link(agent)
        self.touched.add(agent.id)
        agent.link = link
        self.links[link] = agent

    def close_link(self, agent: Agent) -> None:
        """Let an agent be disconnected."""
        if agent.link is not None:
            del self.links[agent.link]
        self.touched.add(agent.id)
        agent.link = None

    def add_agent(self, agent: Agent) -> None:
        """Count an agent in."""
        self.agents[agent.id] = agent
        self.touched.add(agent.id)
        self._add_totals(agent.resources, 1)

    def remove_agent(self, agent: Agent) -> None:
        """Count an agent out; its tasks and offers must be gone."""
        del self.agents[agent.id]
        self.touched.add(agent.id)
        self._add_totals(agent.resources, -1)

    def resize_agent(self, agent: Agent, resources: Resources) -> None:
        """Replace what an agent has."""
        self._add_totals(agent.resources, -1)
        self.touched.add(agent.id)
        agent.resources = resources
        self._add_totals(resources, 1)

    def _add_totals(self, resources: Resources, sign: int) -> None:
        for name, milli in resources.scalars().items():
            self.totals[name] = self.totals.get(name, 0) + sign * milli

    def add_offer(self, offer: OutstandingOffer) -> None:
        """Account for an offer that is going out."""
        self.offers[offer.id] = offer
        framework, agent = self.frameworks[offer.framework_id], self.agents[offer.agent_id]
        framework.offers[offer.id] = None
        agent.offers[offer.id] = None
        self.touched.add(agent.id)
        agent.usage.offered = agent.usage.offered + offer.resources
        usage = framework.usage_of(offer.role)
        usage.offered = usage.offered + offer.resources.only_scalars()

    def remove_offer(self, offer: OutstandingOffer) -> None:
        """Give back what an offer holds."""
        del self.offers[offer.id]
        framework, agent = self.frameworks[offer.framework_id], self.agents[offer.agent_id]
        framework.offers.pop(offer.id, None)
        agent.offers.pop(offer.id, None)
        self.touched.add(agent.id)
        agent.usage.offered = agent.usage.offered - offer.resources
        usage = framework.usage_of(offer.role)
        usage.offered = usage.offered - offer.resources.only_scalars()

    def add_task(self, task: LiveTask) -> None:
        """Account for a task; its framework and agent are known."""
        framework, agent = self.frameworks[task.framework_id], self.agents[task.agent_id]
        framework.tasks[task.task_id] = task
        agent.tasks[task.key] = task
        if not task.state.is_terminal:
            self.touched.add(agent.id)
            _charge(framework, agent, task)

    def end_task(self, task: LiveTask, state: TaskState) -> bool:
        """Move a task to a terminal state and free its resources; False if it had ended before."""
        had_ended = task.state.is_terminal
        task.state = state
        if had_ended:
            return False
        framework, agent = self.frameworks[task.framework_id], self.agents[task.agent_id]
        self.touched.add(agent.id)
        agent.kills.pop(task.key, None)
        _release(framework, agent, task)
        return True

    def add_executor(self, executor: LiveExecutor) -> None:
        """Account for an executor; its framework and agent are known."""
        framework, agent = self.frameworks[executor.framework_id], self.agents[executor.agent_id]
        framework.executors[agent.id, executor.executor_id] = executor
        agent.executors[executor.key] = executor
        self.touched.add(agent.id)
        _charge(framework, agent, executor)

    def remove_executor(self, executor: LiveExecutor) -> None:
        """Give back what an executor used."""
        framework, agent = self.frameworks[executor.framework_id], self.agents[executor.agent_id]
        del framework.executors[agent.id, executor.executor_id]
        del agent.executors[executor.key]
        self.touched.add(agent.id)
        _release(framework, agent, executor)

    def forget_task(self, task: LiveTask, keep: int) -> None:
        """Move an ended task to its framework's history, of which ``keep`` remain."""
        framework = self.frameworks[task.framework_id]
        del framework.tasks[task.task_id]
        agent = self.agents.get(task.agent_id)
        if agent is not None:
            agent.tasks.pop(task.key, None)
        framework.completed.append(task)
        while len(framework.completed) > keep:
            framework.completed.popleft()


def _charge(framework: Framework, agent: Agent, one: LiveTask | LiveExecutor) -> None:
    agent.usage.used = agent.usage.used + one.resources
    usage = framework.usage_of(one.role)
    usage.used = usage.used + one.resources.only_scalars()


def _release(framework: Framework, agent: Agent, one: LiveTask | LiveExecutor) -> None:
    agent.usage.used = agent.usage.used - one.resources
    usage = framework.usage_of(one.role)
    usage.used = usage.used - one.resources.only_scalars()
