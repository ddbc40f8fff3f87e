"""Known bugs, one each, to be put into a simulated cluster: the simulator has to find them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.messages import Effect as AgentEffect
from orchestrator.agent.core.messages import Event as AgentEvent
from orchestrator.agent.core.messages import LaunchContainer, Observed, Received, Send
from orchestrator.marathon.core.deployment import rolling
from orchestrator.marathon.core.effects import Effect as MarathonEffect
from orchestrator.marathon.core.effects import Input as MarathonInput
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import AgentSaid, Effect, Input
from orchestrator.master.core.registry import AGENTS
from orchestrator.mesos.link import Acknowledgements, ExecutorExited, StatusUpdates
from orchestrator.mesos.resources import EMPTY
from orchestrator.runtime.machine import Save
from orchestrator.simulator.process import Process


class SendsBeforeSaving(Process[Any, Any]):
    """A driver that does not wait for the disk."""

    def accept(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            if not isinstance(effect, Save):
                self._perform(effect)
        super().accept([effect for effect in effects if isinstance(effect, Save)])


class FreesTwice(Master):
    """A master that gives the resources of an ended task back once more."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        agent = self.cluster.links.get(event.link) if isinstance(event, AgentSaid) else None
        live = [t for t in agent.tasks.values() if not t.state.is_terminal] if agent else []
        effects = super().handle(event, now)
        for task in live:
            if agent is not None and task.state.is_terminal:
                agent.usage.used = agent.usage.used - task.resources
        return effects


class ForgetsOffers(Master):
    """A master that loses account of what it has offered."""

    def wake(self, now: float) -> list[Effect]:
        for agent in self.cluster.agents.values():
            agent.usage.offered = EMPTY
        return super().wake(now)


class ForgetsToSave(Master):
    """A master whose registry misses the agents."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        return [e for e in effects if not (isinstance(e, Save) and e.key.startswith(AGENTS))]


class RelaunchesTwice(Agent):
    """An agent that orders a launch again under another name when it recovers."""

    def handle(self, event: AgentEvent, now: float) -> Sequence[Save | AgentEffect]:
        effects = list(super().handle(event, now))
        if isinstance(event, Observed):
            launches = [e for e in effects if isinstance(e, LaunchContainer)]
            effects += [
                LaunchContainer(container=replace(e.container, id=e.container.id + "-again"))
                for e in launches
            ]
        return effects


class ResendsAcknowledged(Agent):
    """An agent that sends an update once more after it was acknowledged."""

    _last: Send | None = None

    def handle(self, event: AgentEvent, now: float) -> Sequence[Save | AgentEffect]:
        effects = list(super().handle(event, now))
        if isinstance(event, Received) and isinstance(event.message, Acknowledgements):
            effects += [self._last] if self._last else []
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, StatusUpdates):
                self._last = effect
        return effects


class KeepsNothing(Agent):
    """An agent that does not checkpoint its tasks."""

    def handle(self, event: AgentEvent, now: float) -> Sequence[Save | AgentEffect]:
        effects = super().handle(event, now)
        return [e for e in effects if not (isinstance(e, Save) and e.key.startswith("tasks/"))]


class TearsGroupsApart(Agent):
    """An agent that forgets, as it checkpoints, which tasks belong together."""

    def handle(self, event: AgentEvent, now: float) -> Sequence[Save | AgentEffect]:
        for task in self.book.tasks():
            if task.group is not None:
                self.book.put(replace(task, group=None))
        return super().handle(event, now)


class KeepsExecutors(Master):
    """A master that does not hear when an executor ends."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        if isinstance(event, AgentSaid) and isinstance(event.message, ExecutorExited):
            return []
        return super().handle(event, now)


class ReplacesAtOnce(Marathon):
    """A Marathon that ends what is outdated before anything new serves."""

    def handle(self, event: MarathonInput, now: float) -> Sequence[Save | MarathonEffect]:
        effects = list(super().handle(event, now))
        for instance in list(self.state.instances.values()):
            app = self.state.effective(instance.app_id)
            if app is not None and rolling.is_outdated(instance, app):
                self.lifecycle.stop(instance.id)
        return [*effects, *self._finish()]


class MakesTooMany(Marathon):
    """A Marathon that replaces without regard to how many there are."""

    def handle(self, event: MarathonInput, now: float) -> Sequence[Save | MarathonEffect]:
        with _unbounded():
            return super().handle(event, now)


@contextmanager
def _unbounded() -> Iterator[None]:
    real = rolling.bounds
    rolling.bounds = lambda app, serving: replace(real(app, serving), maximum_existing=1000)
    try:
        yield
    finally:
        rolling.bounds = real
