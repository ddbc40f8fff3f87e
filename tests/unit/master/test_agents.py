"""Agents: registering, coming back with their tasks, falling silent, leaving."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.master.config import MasterConfig
from orchestrator.master.core import gauges
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import Effect
from orchestrator.mesos import link
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.scheduler import EventType
from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    MasterInfo,
    Resource,
    Scalar,
    TaskState,
    TimeInfo,
    ValueType,
)

from .world import FakeAgent, World, running


def test_a_new_agent_is_saved_before_it_is_told_its_id() -> None:
    world = World()
    effects: list[Effect] = []
    world._take = effects.extend  # type: ignore[assignment, method-assign]
    world.agent()
    assert [type(e).__name__ for e in effects] == ["Save", "ToAgent"]


def test_an_agent_that_comes_back_keeps_its_id() -> None:
    world = World()
    agent = world.agent()
    agent.disconnect()
    assert agent.again().id == agent.id
    assert len(world.master.cluster.agents) == 1


def test_two_links_of_one_agent_leave_the_newer() -> None:
    world = World()
    agent = world.agent()
    again = agent.again()
    assert agent.link in world.closed
    agent.disconnect()
    assert world.master.cluster.agents[again.id].is_connected


def test_the_offers_of_an_agent_that_disconnects_are_rescinded() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    agent.disconnect()
    assert len(framework.of_type(EventType.RESCIND)) == 1
    assert framework.open_offers == []


def test_tasks_survive_a_broken_link() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    agent.disconnect()
    world.advance(30)
    info = world.master.cluster.frameworks[framework.id].info
    agent.again([running("t1", framework.id, agent.id)], [info])
    assert framework.statuses == []
    task = world.master.cluster.frameworks[framework.id].tasks["t1"]
    assert task.state is TaskState.RUNNING


@pytest.mark.parametrize(
    ("capabilities", "state"), [([], TaskState.LOST), (["PARTITION_AWARE"], TaskState.DROPPED)]
)
def test_a_launch_that_never_arrived_is_lost_when_the_agent_is_back(
    capabilities: list[str], state: TaskState
) -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=capabilities)
    framework.launch("t1")
    agent.disconnect()
    agent.again()
    assert [(s.task_id.value, s.state) for s in framework.statuses] == [("t1", state)]
    assert world.master.cluster.agents[agent.id].usage.used.scalar("cpus") == 0


def test_a_silent_agent_is_pinged_and_then_given_up() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.advance(74)
    assert len(agent.messages(link.Ping)) == 4
    assert framework.statuses == []
    world.advance(1)
    assert framework.statuses[0].state is TaskState.LOST
    failure = framework.of_type(EventType.FAILURE)[0].failure
    assert failure and failure.agent_id == AgentID(value=agent.id)
    assert agent.link in world.closed
    assert not world.master.cluster.agents


def test_an_agent_that_answers_is_kept() -> None:
    world = World()
    agent = world.agent()
    for _ in range(20):
        world.advance(15)
        agent.say(link.Pong())
    assert agent.id in world.master.cluster.agents


def test_tasks_of_aware_frameworks_are_unreachable_and_run_again() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["PARTITION_AWARE"])
    framework.launch("t1")
    world.advance(75)
    assert framework.statuses[0].state is TaskState.UNREACHABLE
    assert framework.statuses[0].unreachable_time is not None
    info = world.master.cluster.frameworks[framework.id].info
    back = agent.again([running("t1", framework.id, agent.id)], [info])
    assert framework.statuses[-1].state is TaskState.RUNNING
    assert back.messages(link.KillTask) == []
    known = world.master.cluster.frameworks[framework.id]
    assert "t1" in known.tasks and not known.completed


def test_tasks_given_up_as_lost_are_killed_when_the_agent_is_back() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.advance(75)
    info = world.master.cluster.frameworks[framework.id].info
    back = agent.again([running("t1", framework.id, agent.id)], [info])
    assert [k.task_id.value for k in back.messages(link.KillTask)] == ["t1"]


def test_an_agent_that_leaves_is_gone_at_once() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["PARTITION_AWARE"])
    framework.launch("t1")
    agent.say(link.Leaving())
    assert framework.statuses[0].state is TaskState.GONE
    assert world.saves[-1].value is None


def test_a_restarted_master_learns_tasks_and_frameworks_from_the_agents() -> None:
    world = World()
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=60.0)
    agent_info = AgentInfo(hostname="h", id=AgentID(value="old-S1"))
    FakeAgent(world, agent_info, [running("t1", "f", "old-S1")], [info])
    known = world.master.cluster.frameworks["f"]
    assert known.is_recovered and "t1" in known.tasks
    framework = world.framework(id=FrameworkID(value="f"))
    framework.reconcile()
    assert framework.statuses[0].state is TaskState.RUNNING


def test_a_recovered_framework_that_does_not_subscribe_is_ended() -> None:
    world = World()
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=60.0)
    agent_info = AgentInfo(hostname="h", id=AgentID(value="old-S1"))
    agent = FakeAgent(world, agent_info, [running("t1", "f", "old-S1")], [info])
    world.advance(60)
    assert agent.messages(link.ShutdownFramework)


def test_a_failover_of_the_master_leaves_a_framework_without_timeout_time_to_subscribe() -> None:
    world = World(kept={"agents/old-S1": b'{"info":{"hostname":"h"}}'})
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=0.0)
    agent_info = AgentInfo(hostname="h", id=AgentID(value="old-S1"))
    agent = FakeAgent(world, agent_info, [running("t1", "f", "old-S1")], [info])
    for _ in range(59):
        world.advance(10)
        agent.say(link.Pong())
    framework = world.framework(id=FrameworkID(value="f"), failover_timeout=0.0)
    assert framework.errors == []
    assert agent.messages(link.ShutdownFramework) == []
    framework.disconnect()  # from here on it has what it asked for
    world.advance(0)
    assert agent.messages(link.ShutdownFramework)


def test_a_framework_that_this_master_never_saw_is_ended_at_once_when_that_time_is_over() -> None:
    world = World(kept={"agents/old-S1": b'{"info":{"hostname":"h"}}'})
    world.advance(600)
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=0.0)
    agent_info = AgentInfo(hostname="h", id=AgentID(value="old-S1"))
    agent = FakeAgent(world, agent_info, [running("t1", "f", "old-S1")], [info])
    assert agent.messages(link.ShutdownFramework)


def test_an_agent_that_the_registry_does_not_know_brings_no_such_time() -> None:
    world = World()
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=0.0)
    agent_info = AgentInfo(hostname="h", id=AgentID(value="made-up"))
    agent = FakeAgent(world, agent_info, [running("t1", "f", "made-up")], [info])
    assert agent.messages(link.ShutdownFramework)


def test_agents_of_a_framework_that_is_over_are_told_to_end_it() -> None:
    world = World()
    framework = world.framework(failover_timeout=0.0)
    framework.disconnect()
    world.advance(0)
    info = world.master.cluster.completed[framework.id].info
    agent_info = AgentInfo(hostname="h", id=AgentID(value="a"))
    agent = FakeAgent(world, agent_info, [running("t1", framework.id, "a")], [info])
    assert agent.messages(link.ShutdownFramework)


def test_registered_agents_that_do_not_return_are_given_up() -> None:
    config = MasterConfig(agent_reregister_timeout_s=600)
    master = Master(
        config, MasterInfo(id="m", ip=0), {}, {"agents/old": b'{"info":{"hostname":"h"}}'}, 0.0
    )
    assert master.wake_at() == 600
    effects = master.wake(600)
    assert effects[0].key == "agents/old"  # type: ignore[union-attr]
    assert "old" in master.cluster.unreachable


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
def test_an_agent_with_absurd_resources_is_refused_with_a_reason(value: float) -> None:
    world = World()
    resource = Resource(name="cpus", type=ValueType.SCALAR, scalar=Scalar(value=value))
    agent = FakeAgent(world, AgentInfo(hostname="h", resources=[resource]))
    (refused,) = agent.messages(link.Refused)
    assert "resources are invalid" in refused.reason and not refused.retry
    assert agent.link in world.closed
    assert not world.master.cluster.agents


def test_the_number_of_agents_is_bounded() -> None:
    world = World(MasterConfig(max_agents=1))
    world.agent()
    (refused,) = world.agent().messages(link.Refused)
    assert "already" in refused.reason and refused.retry


def test_an_agent_whose_address_changed_may_try_until_its_old_link_is_given_up() -> None:
    world = World()
    agent = world.agent()
    info = msgspec.structs.replace(agent.info, hostname="moved", id=AgentID(value=agent.id))
    (refused,) = FakeAgent(world, info).messages(link.Refused)
    assert "connected already" in refused.reason and refused.retry
    world.advance(75)
    assert FakeAgent(world, info).messages(link.Registered)


def test_a_task_id_that_two_agents_claim_stays_with_the_first() -> None:
    world = World()
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=60.0)
    first = FakeAgent(
        world, AgentInfo(hostname="h", id=AgentID(value="a")), [running("t", "f", "a")], [info]
    )
    second = FakeAgent(
        world, AgentInfo(hostname="h", id=AgentID(value="b")), [running("t", "f", "b")], [info]
    )
    assert first.messages(link.KillTask) == []
    assert [k.task_id.value for k in second.messages(link.KillTask)] == ["t"]


def test_a_task_that_ended_while_unreachable_is_not_said_to_have_before_its_updates() -> None:
    world = World()
    framework, agent = world.framework(capabilities=["PARTITION_AWARE"]), world.agent()
    framework.launch("t1")
    world.advance(15 * 6)
    ended = msgspec.structs.replace(
        running("t1", framework.id, agent.id, TaskState.FINISHED),
        status_update_state=TaskState.RUNNING,
    )
    info = world.master.cluster.frameworks[framework.id].info
    agent.again([ended], [info])
    assert framework.statuses[-1].state is TaskState.RUNNING


def test_reconciliation_does_not_run_ahead_of_the_updates_of_an_agent_that_is_back() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    ended = msgspec.structs.replace(
        running("t1", framework.id, agent.id, TaskState.FAILED),
        status_update_state=TaskState.STARTING,
    )
    agent.again([ended], [world.master.cluster.frameworks[framework.id].info])
    framework.reconcile(("t1", agent.id))
    assert framework.statuses[-1].state is TaskState.STARTING


def test_an_agent_that_comes_back_as_it_was_is_not_saved_again() -> None:
    world = World()
    agent = world.agent()
    next_leader = world.restarted()
    back = agent.again(at=next_leader)
    assert next_leader.saves == []
    assert len(back.messages(link.Registered)) == 1
    agent.disconnect()
    world.saves.clear()
    agent.again()
    assert world.saves == []


def test_one_that_comes_back_with_more_is() -> None:
    world = World()
    agent = world.agent("cpus:4;mem:1000")
    next_leader = world.restarted()
    info = AgentInfo(
        hostname="host", id=AgentID(value=agent.id), resources=to_wire(parse("cpus:8;mem:1000"))
    )
    FakeAgent(next_leader, info)
    assert [save.key for save in next_leader.saves] == [f"agents/{agent.id}"]


@pytest.mark.parametrize(
    "role", ["a/" * 3000 + "b", "/a", "a//b", "..", "x y", "-a"], ids=lambda role: role[:6]
)
def test_resources_reserved_for_what_is_no_role_are_refused(role: str) -> None:
    world = World()
    agent = world.agent(f"cpus:4;mem({role}):100")
    assert "ole" in agent.messages(link.Refused)[0].reason
    assert not world.master.cluster.agents


@pytest.mark.parametrize("role", ["a/" * 3000 + "b", "/a", "x y"], ids=lambda role: role[:6])
def test_a_task_said_to_be_in_what_is_no_role_counts_for_its_framework_s_own(role: str) -> None:
    world = World()
    info = FrameworkInfo(
        user="u", name="n", id=FrameworkID(value="f"), failover_timeout=60.0, role="web"
    )
    resources = to_wire(parse("cpus:1;mem:100"), role=role)
    task = msgspec.structs.replace(running("t1", "f", "a"), resources=resources)
    FakeAgent(world, AgentInfo(hostname="h", id=AgentID(value="a")), [task], [info])
    assert list(world.master.cluster.frameworks["f"].usage) == ["web"]


def test_an_agent_cannot_make_up_any_number_of_roles() -> None:
    world = World()
    info = FrameworkInfo(user="u", name="n", id=FrameworkID(value="f"), failover_timeout=60.0)
    tasks = [
        msgspec.structs.replace(
            running(f"t{n}", "f", "a"), resources=to_wire(parse("cpus:1"), role=f"r{n}")
        )
        for n in range(1500)
    ]
    FakeAgent(world, AgentInfo(hostname="h", id=AgentID(value="a")), tasks, [info])
    assert len(world.master.cluster.frameworks["f"].usage) <= 1001


def test_executors_of_a_framework_without_roles_are_taken_over() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["MULTI_ROLE"], roles=[])
    executor = ExecutorInfo(
        executor_id=ExecutorID(value="e"), framework_id=FrameworkID(value=framework.id)
    )
    info = world.master.cluster.frameworks[framework.id].info
    again = agent.again([], [info], executors=[executor])
    assert again.messages(link.Registered)
    assert len(world.master.cluster.agents[agent.id].executors) == 1


@pytest.mark.parametrize("capabilities", [[], ["PARTITION_AWARE"]])
def test_statuses_say_since_when_an_agent_is_unreachable(capabilities: list[str]) -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=capabilities)
    framework.launch("t1")
    world.advance(75)
    since = TimeInfo(nanoseconds=int(world.now * 1e9))
    world.advance(100)
    framework.reconcile(("t1", agent.id))
    assert [status.unreachable_time for status in framework.statuses] == [since, since]


def test_unreachable_tasks_are_counted_while_they_are() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["PARTITION_AWARE"])
    framework.launch("t1", "t2")
    world.advance(75)
    assert gauges.gauges(world.master.state)["tasks_unreachable"] == 2
    info = world.master.cluster.frameworks[framework.id].info
    agent.again([running("t1", framework.id, agent.id)], [info])
    assert gauges.gauges(world.master.state)["tasks_unreachable"] == 1


def test_an_agent_that_missed_a_change_of_a_framework_is_told_when_it_is_back() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    old = world.master.cluster.frameworks[framework.id].info
    agent.disconnect()
    framework.again(name="other", failover_timeout=1000.0)
    back = agent.again([running("t1", framework.id, agent.id)], [old])
    (update,) = back.messages(link.UpdateFramework)
    assert (update.framework.name, update.framework.failover_timeout) == ("other", 1000.0)
    again = back.again([running("t1", framework.id, agent.id)], [update.framework])
    assert again.messages(link.UpdateFramework) == []
