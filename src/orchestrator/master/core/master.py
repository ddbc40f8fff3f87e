"""The master as a state machine: one input at a time, effects out.

Every input is handled completely before the next. What became free is offered not by the input
itself but by the wake-up that follows at once, so a burst of inputs is answered by one allocation
and each framework gets its offers in one event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from orchestrator.master.config import MasterConfig
from orchestrator.master.core import (
    agents,
    allocation,
    announce,
    calls,
    destruction,
    draining,
    executors,
    frameworks,
    inverse_offers,
    offers,
    operations,
    operator,
    overlay,
    quota,
    silence,
    tasks,
)
from orchestrator.master.core.cluster import Cluster
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import (
    AgentRegistered,
    AgentSaid,
    Effect,
    FrameworkCall,
    FrameworkSubscribed,
    Input,
    LinkClosed,
    Operated,
    OperatorSubscribed,
    OperatorUnsubscribed,
    Reply,
    StreamClosed,
)
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.master.core.weights import recover as recover_weights
from orchestrator.mesos.link import (
    ExecutorExited,
    ExecutorToFramework,
    FromAgent,
    Leaving,
    Pong,
    Register,
    StatusUpdates,
    VolumesDestroyed,
)
from orchestrator.mesos.scheduler import (
    Call,
    Event,
    EventType,
    ExecutorMessage,
)
from orchestrator.mesos.types import AgentID, MasterInfo


class Master:
    """The machine (``runtime.machine.Machine``); ``state`` is for reading by views."""

    def __init__(
        self,
        config: MasterConfig,
        info: MasterInfo,
        weights: dict[str, float],
        kept: Mapping[str, bytes],
        now: float,
    ) -> None:
        """``kept`` is all that an earlier master saved, by key. Raises DecodeError."""
        self.state = State(config=config, info=info, weights=weights, started_at=now, now=now)
        recover_weights(self.state, kept)
        quota.recover(self.state, kept)
        agents.recover(self.state, kept)
        allocation.hold_off(self.state)

    @property
    def cluster(self) -> Cluster:
        """What the master knows."""
        return self.state.cluster

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take in one input."""
        state = self.state
        state.now = now
        match event:
            case FrameworkCall():
                self._on_call(event.call)
            case AgentSaid():
                agent = self.cluster.links.get(event.link)
                if agent is not None:
                    self._on_agent_message(agent, event.message)
            case FrameworkSubscribed():
                frameworks.subscribe(state, event)
            case StreamClosed():
                frameworks.disconnect(state, event.stream)
            case AgentRegistered():
                agents.register(state, event)
            case LinkClosed():
                silence.disconnect(state, event.link)
            case Operated():
                state.effects.append(self._operate(event))
            case OperatorSubscribed():
                announce.subscribe(state, event.stream)
            case OperatorUnsubscribed():
                announce.unsubscribe(state, event.stream)
            case _:
                assert_never(event)
        draining.settle(state)
        allocation.begin(state)
        return self._take_effects()

    def wake_at(self) -> float | None:
        """At once if something is free to be offered, else at the next deadline."""
        if self.state.changed_agents:
            return self.state.now
        deadlines = (self.state.timers.next_at(), self.state.filters.next_expiry())
        return min((at for at in deadlines if at is not None), default=None)

    def wake(self, now: float) -> list[Effect]:
        """Deal with the deadlines that have come, then offer what is free."""
        state = self.state
        state.now = now
        for kind, name in state.timers.pop_due(now):
            self._on_timer(kind, name)
        for agent_id in state.filters.expire(now):
            state.reallocate(agent_id)
        allocation.begin(state)
        offers.allocate_changed(state)
        draining.settle(state)
        return self._take_effects()

    def _take_effects(self) -> list[Effect]:
        effects, self.state.effects = self.state.effects, []
        return effects

    def _operate(self, event: Operated) -> Reply:
        try:
            operator.carry_out(self.state, event.command)
        except OperatorError as refusal:
            return Reply(event.token, refusal)
        return Reply(event.token)

    def _on_timer(self, kind: Timer, name: str) -> None:
        state = self.state
        match kind:
            case Timer.FRAMEWORK_HEARTBEAT:
                frameworks.heartbeat(state, name)
            case Timer.FRAMEWORK_FAILOVER:
                frameworks.remove(state, self.cluster.frameworks[name])
            case Timer.AGENT_PING:
                silence.ping(state, name)
            case Timer.AGENT_RETURN:
                silence.give_up_recovered(state, name)
            case Timer.OPERATION_RETRY:
                operations.retry(state, name)
            case Timer.INVERSE_OFFER:
                inverse_offers.ask_again(state, name)
            case Timer.OPERATOR_HEARTBEAT:
                announce.heartbeat(state)
            case Timer.ALLOCATION:
                allocation.allocate_again(state)
            case Timer.OVERLAY:
                overlay.tell(state)
            case Timer.OFFER_TIMEOUT:
                offers.time_out(state, self.cluster.offers[name])
            case _:
                assert_never(kind)

    def _on_agent_message(self, agent: Agent, message: FromAgent) -> None:
        silence.heard(self.state, agent)
        match message:
            case StatusUpdates():
                self.state.counters["messages_status_update"] += len(message.updates)
                for update in message.updates:
                    tasks.update(self.state, agent, update)
            case ExecutorToFramework():
                self._forward(agent, message)
            case ExecutorExited():
                executors.exited(self.state, agent, message)
            case VolumesDestroyed(number=number):
                destruction.carried_out(self.state, agent, number)
            case Leaving():
                agents.leave(self.state, agent)
            case Pong() | Register():
                pass
            case _:
                assert_never(message)

    def _forward(self, agent: Agent, message: ExecutorToFramework) -> None:
        framework = self.cluster.frameworks.get(message.framework_id.value)
        if framework is not None:
            self.state.counters["messages_executor_to_framework"] += 1
            forwarded = ExecutorMessage(
                agent_id=AgentID(value=agent.id),
                executor_id=message.executor_id,
                data=message.data,
            )
            self.state.tell(framework, Event(type=EventType.MESSAGE, message=forwarded))

    def _on_call(self, call: Call) -> None:
        framework_id = call.framework_id.value if call.framework_id else ""
        framework = self.cluster.frameworks.get(framework_id)
        if framework is not None:
            calls.obey(self.state, framework, call)
