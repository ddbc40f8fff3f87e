"""What operators' event streams are told."""

from __future__ import annotations

import msgspec

from orchestrator.master.config import MasterConfig
from orchestrator.master.core.messages import (
    Announce,
    Effect,
    OperatorSubscribed,
    OperatorUnsubscribed,
    ToOperator,
)
from orchestrator.mesos.operator import Event, EventType
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import FrameworkID, FrameworkInfo, TaskState

from .world import FakeFramework, World, running


class WatchedWorld(World):
    """A world whose operators' events are kept, in order."""

    def __init__(self, config: MasterConfig | None = None) -> None:
        super().__init__(config)
        self.told: list[Event] = []
        self.begun: list[str] = []

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case ToOperator():
                    self.begun.append(effect.stream)
                    self.told.append(effect.event)
                case Announce():
                    self.told.append(effect.event)
        super()._take(effects)

    def watch(self, stream: str = "w") -> None:
        self.feed(OperatorSubscribed(stream))

    @property
    def types(self) -> list[EventType]:
        return [event.type for event in self.told]

    def last(self) -> Event:
        return self.told[-1]


def test_a_stream_begins_with_the_whole_state() -> None:
    world = WatchedWorld()
    world.agent()
    world.framework()
    world.watch()
    (event,) = world.told
    assert event.subscribed and event.subscribed.get_state
    state = event.subscribed.get_state
    assert state.get_agents and len(state.get_agents.agents) == 1
    assert state.get_frameworks and len(state.get_frameworks.frameworks) == 1
    assert event.subscribed.heartbeat_interval_seconds == 15.0


def test_nothing_is_announced_while_nobody_listens() -> None:
    world = WatchedWorld()
    world.agent()
    world.framework()
    world.watch()
    world.feed(OperatorUnsubscribed("w"))
    world.told.clear()
    world.agent()
    world.advance(100)
    assert world.told == []


def test_a_stream_shows_regularly_that_it_is_alive() -> None:
    world = WatchedWorld()
    world.watch()
    world.advance(46)
    assert world.types == [EventType.SUBSCRIBED, *[EventType.HEARTBEAT] * 3]


def test_a_task_is_added_and_updated_to_its_end() -> None:
    world = WatchedWorld()
    agent, framework = world.agent(), world.framework()
    world.watch()
    framework.launch("t")
    added = world.last().task_added
    assert added and added.task.task_id.value == "t"
    assert added.task.state is TaskState.STAGING
    agent.report(framework.id, "t", TaskState.RUNNING)
    agent.report(framework.id, "t", TaskState.FINISHED)
    updates = [e.task_updated for e in world.told if e.task_updated]
    assert [u.state for u in updates] == [TaskState.RUNNING, TaskState.FINISHED]
    assert {u.framework_id.value for u in updates} == {framework.id}


def test_a_framework_comes_goes_returns_and_ends() -> None:
    world = WatchedWorld()
    world.watch()
    framework = world.framework(failover_timeout=5.0)
    framework.disconnect()
    back = framework.again()
    back.disconnect()
    world.advance(10)
    assert world.types[1:] == [
        EventType.FRAMEWORK_ADDED,
        EventType.FRAMEWORK_UPDATED,
        EventType.FRAMEWORK_UPDATED,
        EventType.FRAMEWORK_UPDATED,
        EventType.FRAMEWORK_REMOVED,
    ]
    connected = [e.framework_updated.framework.connected for e in world.told if e.framework_updated]
    assert connected == [False, True, False]


def test_an_agent_is_added_once_and_removed_with_its_tasks() -> None:
    world = WatchedWorld()
    world.watch()
    agent, framework = world.agent(), world.framework()
    framework.launch("t")
    agent.disconnect()
    agent.again([running("t", framework.id, agent.id)], [framework_info(framework)])
    assert world.types.count(EventType.AGENT_ADDED) == 1
    world.told.clear()
    world.advance(100)
    assert EventType.TASK_UPDATED in world.types
    removed = [e.agent_removed for e in world.told if e.agent_removed]
    assert [r.agent_id.value for r in removed] == [agent.id]


def test_an_agent_that_is_back_is_announced_before_its_tasks() -> None:
    world = WatchedWorld()
    agent, framework = world.agent(), world.framework()
    world.advance(100)
    world.watch()
    world.told.clear()
    agent.again([running("t", framework.id, agent.id)], [framework_info(framework)])
    assert world.types == [EventType.AGENT_ADDED, EventType.TASK_ADDED]


def framework_info(framework: FakeFramework) -> FrameworkInfo:
    return msgspec.structs.replace(framework.info, id=FrameworkID(value=framework.id))


def test_of_too_many_streams_the_oldest_is_closed() -> None:
    world = WatchedWorld(MasterConfig(max_operator_subscribers=2))
    for stream in ("a", "b", "c"):
        world.watch(stream)
    assert world.closed == ["a"]
    assert list(world.master.state.watchers) == ["b", "c"]


def test_the_tasks_of_a_framework_that_ends_are_said_to_be_killed() -> None:
    world = WatchedWorld()
    world.agent()
    framework = world.framework()
    framework.launch("t1")
    world.watch()
    framework.call(CallType.TEARDOWN)
    updated, removed = world.told[-2:]
    assert updated.task_updated and updated.task_updated.state is TaskState.KILLED
    assert updated.task_updated.status.reason == "REASON_FRAMEWORK_REMOVED"
    assert removed.type is EventType.FRAMEWORK_REMOVED
