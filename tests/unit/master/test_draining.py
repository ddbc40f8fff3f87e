"""Draining, deactivating and ending agents for good."""

from __future__ import annotations

import pytest

from orchestrator.master.config import MasterConfig
from orchestrator.master.core.commands import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    ReactivateAgent,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import link
from orchestrator.mesos.scheduler import EventType
from orchestrator.mesos.types import DrainState, DurationInfo, KillPolicy, TaskState

from .world import FakeAgent, FakeFramework, World, running, task


def with_task() -> tuple[World, FakeAgent, FakeFramework]:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["PARTITION_AWARE"])
    framework.launch("t1")
    agent.report(framework.id, "t1", TaskState.RUNNING)
    return world, agent, framework


def drain_state(world: World, agent_id: str) -> DrainState | None:
    drain = world.master.cluster.agents[agent_id].drain
    return drain.state if drain else None


def end_task(agent: FakeAgent, framework: FakeFramework) -> None:
    framework.acknowledge(agent.report(framework.id, "t1", TaskState.KILLED, b"end"))


def test_draining_kills_the_tasks_within_the_grace_given() -> None:
    world, agent, _ = with_task()
    world.operate(DrainAgent(agent.id, max_grace_period=DurationInfo(nanoseconds=5)))
    (kill,) = agent.messages(link.KillTask)
    assert kill.kill_policy and kill.kill_policy.grace_period == DurationInfo(nanoseconds=5)


def test_a_draining_agent_is_not_offered() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    world.operate(DrainAgent(agent.id))
    assert framework.of_type(EventType.RESCIND)
    world.advance(60)
    assert framework.open_offers == []


def test_an_agent_is_drained_when_its_last_task_is_acknowledged() -> None:
    world, agent, framework = with_task()
    world.operate(DrainAgent(agent.id))
    status = agent.report(framework.id, "t1", TaskState.KILLED, b"end")
    assert drain_state(world, agent.id) is DrainState.DRAINING
    framework.acknowledge(status)
    assert drain_state(world, agent.id) is DrainState.DRAINED


def test_an_idle_agent_is_drained_at_once() -> None:
    world = World()
    agent = world.agent()
    world.operate(DrainAgent(agent.id))
    assert drain_state(world, agent.id) is DrainState.DRAINED


def test_a_drained_agent_is_offered_again_once_reactivated() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    world.operate(DrainAgent(agent.id))
    world.operate(ReactivateAgent(agent.id))
    assert len(framework.open_offers) == 1
    assert drain_state(world, agent.id) is None


def test_a_draining_agent_cannot_be_reactivated() -> None:
    world, agent, _ = with_task()
    world.operate(DrainAgent(agent.id))
    with pytest.raises(OperatorError, match="still draining"):
        world.operate(ReactivateAgent(agent.id))


def test_draining_goes_on_when_the_agent_comes_back() -> None:
    world, agent, framework = with_task()
    agent.disconnect()
    world.operate(DrainAgent(agent.id))
    info = world.master.cluster.frameworks[framework.id].info
    back = agent.again([running("t1", framework.id, agent.id)], [info])
    assert back.messages(link.KillTask)


def test_draining_goes_on_under_the_next_master() -> None:
    world, agent, framework = with_task()
    world.operate(DrainAgent(agent.id))
    again = world.restarted()
    info = world.master.cluster.frameworks[framework.id].info
    back = agent.again([running("t1", framework.id, agent.id)], [info], at=again)
    assert back.messages(link.KillTask)
    assert drain_state(again, agent.id) is DrainState.DRAINING


def test_an_agent_that_is_away_can_be_drained() -> None:
    world, agent, _ = with_task()
    world.advance(75)
    world.operate(DrainAgent(agent.id))
    back = agent.again()
    assert drain_state(world, back.id) is DrainState.DRAINED


def test_a_drained_agent_can_be_gone_then() -> None:
    world, agent, framework = with_task()
    world.operate(DrainAgent(agent.id, mark_gone=True))
    end_task(agent, framework)
    assert agent.id in world.master.state.gone
    assert agent.messages(link.Shutdown)


def test_a_deactivated_agent_keeps_its_tasks_and_gets_no_offers() -> None:
    world, agent, framework = with_task()
    world.operate(DeactivateAgent(agent.id))
    world.advance(60)
    assert agent.messages(link.KillTask) == []
    assert framework.open_offers == []
    world.operate(ReactivateAgent(agent.id))
    assert len(framework.open_offers) == 1


def test_deactivation_survives_a_restart_of_the_master() -> None:
    world = World()
    agent = world.agent()
    world.operate(DeactivateAgent(agent.id))
    again = world.restarted()
    agent.again(at=again)
    assert again.framework().offers == []


def test_the_tasks_of_a_gone_agent_are_gone_by_operator() -> None:
    world, agent, framework = with_task()
    world.operate(MarkAgentGone(agent.id))
    assert framework.statuses[-1].state is TaskState.GONE_BY_OPERATOR
    assert agent.messages(link.Shutdown)
    assert agent.link in world.closed


@pytest.mark.parametrize("after_restart", [False, True])
def test_a_gone_agent_cannot_come_back(after_restart: bool) -> None:
    world = World()
    agent = world.agent()
    world.operate(MarkAgentGone(agent.id))
    back = agent.again(at=world.restarted() if after_restart else None)
    assert "gone" in back.messages(link.Shutdown)[0].reason
    assert back.messages(link.Registered) == []


def test_an_unreachable_agent_can_be_marked_gone() -> None:
    world = World()
    agent = world.agent()
    world.advance(75)
    world.operate(MarkAgentGone(agent.id))
    assert agent.again().messages(link.Shutdown)


def test_what_ran_on_a_gone_agent_is_gone_when_asked_for() -> None:
    world, agent, framework = with_task()
    world.operate(MarkAgentGone(agent.id))
    framework.reconcile(("t1", agent.id))
    assert framework.statuses[-1].state is TaskState.GONE_BY_OPERATOR
    assert framework.statuses[-1].reason == "REASON_RECONCILIATION"


@pytest.mark.parametrize(
    "command",
    [DrainAgent("x"), DeactivateAgent("x"), ReactivateAgent("x"), MarkAgentGone("x")],
    ids=lambda command: type(command).__name__,
)
def test_an_agent_that_is_not_known_is_said(command: DrainAgent) -> None:
    with pytest.raises(OperatorError, match="not known"):
        World().operate(command)


def test_a_negative_grace_is_refused() -> None:
    world = World()
    agent = world.agent()
    with pytest.raises(OperatorError, match="negative"):
        world.operate(DrainAgent(agent.id, max_grace_period=DurationInfo(nanoseconds=-1)))


def test_agents_are_given_up_no_faster_than_the_rate_limit() -> None:
    world = World(MasterConfig(agent_removal_interval_s=60))
    for _ in range(3):
        world.agent()
    counts = []
    for _ in range(4):
        world.advance(60)
        counts.append(len(world.master.cluster.agents))
    assert counts == [3, 2, 1, 0]
    assert world.master.state.counters["slave_unreachable_scheduled"] == 2
    assert not world.master.state.overdue


def test_an_agent_that_answers_before_its_turn_is_kept() -> None:
    world = World(MasterConfig(agent_removal_interval_s=600))
    world.agent()
    second = world.agent()
    world.advance(80)
    second.say(link.Pong())
    for _ in range(60):
        world.advance(15)
        second.say(link.Pong())
    assert list(world.master.cluster.agents) == [second.id]
    counters = world.master.state.counters
    assert counters["slave_unreachable_scheduled"] == 1
    assert counters["slave_unreachable_canceled"] == 1


def test_an_agent_is_drained_when_its_last_task_goes_with_its_framework() -> None:
    world, agent, framework = with_task()
    world.operate(DrainAgent(agent.id))
    framework.disconnect()
    world.advance(60)
    assert drain_state(world, agent.id) is DrainState.DRAINED


def test_an_agent_marked_gone_before_it_came_back_is_awaited_no_longer() -> None:
    world = World()
    agent = world.agent()
    again = world.restarted()
    again.operate(MarkAgentGone(agent.id))
    again.advance(3600)
    assert agent.id in again.master.state.gone
    assert agent.id not in again.master.cluster.unreachable


def test_marking_an_agent_gone_twice_is_no_fault() -> None:
    world = World()
    agent = world.agent()
    world.operate(MarkAgentGone(agent.id))
    world.saves.clear()
    world.operate(MarkAgentGone(agent.id))
    assert world.saves == []


def test_agents_that_do_not_come_back_after_a_restart_are_given_up_no_faster_either() -> None:
    world = World(MasterConfig(agent_removal_interval_s=60, agent_reregister_timeout_s=600))
    for _ in range(3):
        world.agent()
    again = World(world.master.state.config, kept=world.kept)
    counts = []
    for seconds in (600, 60, 60):
        again.advance(seconds)
        counts.append(len(again.master.state.recovered_agents))
    assert counts == [2, 1, 0]


@pytest.mark.parametrize(
    ("capabilities", "mark_gone", "state"),
    [
        (["PARTITION_AWARE"], False, TaskState.KILLED),
        (["PARTITION_AWARE"], True, TaskState.GONE_BY_OPERATOR),
        ([], True, TaskState.KILLED),
    ],
)
def test_statuses_say_that_tasks_were_killed_to_drain_their_agent(
    capabilities: list[str], mark_gone: bool, state: TaskState
) -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=capabilities)
    framework.launch("t1")
    world.operate(DrainAgent(agent.id, mark_gone=mark_gone))
    agent.report(framework.id, "t1", TaskState.KILLING, b"soon")
    status = agent.report(framework.id, "t1", TaskState.KILLED, b"end")
    told = [(s.state, s.reason) for s in framework.statuses]
    assert told == [
        (TaskState.KILLING, "REASON_AGENT_DRAINING"),
        (state, "REASON_AGENT_DRAINING"),
    ]
    framework.acknowledge(status)
    assert [t.state for t in world.master.cluster.frameworks[framework.id].completed] == [state]


def test_a_task_that_ends_by_itself_on_a_draining_agent_has_its_own_reason() -> None:
    world, agent, framework = with_task()
    world.operate(DrainAgent(agent.id))
    agent.report(framework.id, "t1", TaskState.FINISHED, b"end")
    assert framework.statuses[-1].reason is None


@pytest.mark.parametrize(("own", "told"), [(None, 60), (10, None), (60, None), (100, 60)])
def test_draining_never_gives_a_task_more_time_than_it_has_itself(
    own: int | None, told: int | None
) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=own)) if own else None
    framework.accept(framework.open_offers, [task("t1", agent.id, kill_policy=policy)])
    world.operate(DrainAgent(agent.id, max_grace_period=DurationInfo(nanoseconds=60)))
    (kill,) = agent.messages(link.KillTask)
    wanted = KillPolicy(grace_period=DurationInfo(nanoseconds=told)) if told else None
    assert kill.kill_policy == wanted
