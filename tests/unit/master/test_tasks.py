"""Tasks: updates, acknowledgements, kills, reconciliation."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.mesos import codec, link, scheduler
from orchestrator.mesos.scheduler import CallType, EventType
from orchestrator.mesos.types import (
    AgentID,
    DurationInfo,
    ExecutorID,
    FrameworkID,
    KillPolicy,
    Label,
    Labels,
    TaskID,
    TaskState,
    TaskStatus,
)

from .world import FakeAgent, FakeFramework, World, running


def launched(
    capabilities: tuple[str, ...] = (),
) -> tuple[World, FakeAgent, FakeFramework]:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=capabilities)
    framework.launch("t1")
    return world, agent, framework


def test_an_update_reaches_the_framework_unchanged() -> None:
    _, agent, framework = launched()
    status = agent.report(framework.id, "t1", TaskState.RUNNING)
    assert framework.statuses == [status]


def test_an_acknowledgement_reaches_the_agent() -> None:
    _, agent, framework = launched()
    framework.acknowledge(agent.report(framework.id, "t1", TaskState.RUNNING, b"1"))
    sent = agent.messages(link.Acknowledgements)[0].acknowledgements[0]
    assert (sent.task_id.value, sent.uuid) == ("t1", b"1")


def test_the_end_of_a_task_frees_its_resources_before_it_is_acknowledged() -> None:
    world, agent, framework = launched()
    agent.report(framework.id, "t1", TaskState.FAILED)
    assert world.master.cluster.agents[agent.id].usage.used.scalar("cpus") == 0
    assert "t1" in world.master.cluster.frameworks[framework.id].tasks


def test_the_end_of_a_task_is_counted_once_however_often_it_is_sent() -> None:
    world, agent, framework = launched()
    for _ in range(3):
        agent.report(framework.id, "t1", TaskState.FINISHED)
    assert world.master.state.counters["TASK_FINISHED"] == 1
    assert len(framework.statuses) == 3


def test_a_task_is_forgotten_when_its_end_is_acknowledged() -> None:
    world, agent, framework = launched()
    framework.acknowledge(agent.report(framework.id, "t1", TaskState.FINISHED))
    known = world.master.cluster.frameworks[framework.id]
    assert "t1" not in known.tasks
    assert [t.task_id for t in known.completed] == ["t1"]


def test_acknowledging_an_earlier_update_does_not_forget_an_ended_task() -> None:
    world, agent, framework = launched()
    early = agent.report(framework.id, "t1", TaskState.RUNNING, b"1")
    agent.report(framework.id, "t1", TaskState.FINISHED, b"2")
    framework.acknowledge(early)
    assert "t1" in world.master.cluster.frameworks[framework.id].tasks


def test_an_update_of_a_framework_that_is_over_ends_it_on_the_agent() -> None:
    _, agent, _ = launched()
    agent.report("nobody", "t9", TaskState.RUNNING)
    assert agent.messages(link.ShutdownFramework)[0].framework_id.value == "nobody"


def test_a_kill_reaches_the_agent_with_its_policy() -> None:
    _, agent, framework = launched()
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=5))
    kill = scheduler.Kill(task_id=TaskID(value="t1"), kill_policy=policy)
    framework.call(CallType.KILL, kill=kill)
    sent = agent.messages(link.KillTask)[0]
    assert (sent.task_id.value, sent.kill_policy) == ("t1", policy)


def test_a_kill_while_the_agent_is_away_reaches_it_when_it_is_back() -> None:
    world, agent, framework = launched()
    agent.disconnect()
    framework.kill("t1")
    from .world import running  # the task as the agent tells of it

    info = world.master.cluster.frameworks[framework.id].info
    back = agent.again([running("t1", framework.id, agent.id)], [info])
    assert [k.task_id.value for k in back.messages(link.KillTask)] == ["t1"]


@pytest.mark.parametrize(
    ("capabilities", "state"), [((), TaskState.LOST), (("PARTITION_AWARE",), TaskState.UNKNOWN)]
)
def test_a_kill_of_an_unknown_task_is_answered_with_its_state(
    capabilities: tuple[str, ...], state: TaskState
) -> None:
    _, _, framework = launched(capabilities)
    framework.kill("ghost")
    status = framework.statuses[0]
    assert (status.state, status.reason) == (state, "REASON_RECONCILIATION")


def test_implicit_reconciliation_tells_every_task_without_a_uuid() -> None:
    _, agent, framework = launched()
    agent.report(framework.id, "t1", TaskState.RUNNING)
    framework.reconcile()
    told = framework.statuses[-1]
    assert (told.task_id.value, told.state, told.uuid) == ("t1", TaskState.RUNNING, None)
    assert (told.source, told.reason) == ("SOURCE_MASTER", "REASON_RECONCILIATION")


@pytest.mark.parametrize(
    ("aware", "task_id", "where", "state"),
    [
        (True, "t1", None, TaskState.STAGING),
        (True, "ghost", "here", TaskState.GONE),
        (True, "ghost", "nowhere", TaskState.UNKNOWN),
        (False, "ghost", "here", TaskState.LOST),
        (False, "ghost", "nowhere", TaskState.LOST),
        (False, "ghost", None, TaskState.LOST),
    ],
)
def test_explicit_reconciliation(
    aware: bool, task_id: str, where: str | None, state: TaskState
) -> None:
    _, agent, framework = launched(("PARTITION_AWARE",) if aware else ())
    framework.reconcile((task_id, agent.id if where == "here" else where))
    assert framework.statuses[-1].state is state


def test_tasks_of_agents_that_may_still_come_back_are_not_answered_for() -> None:
    world = World()
    world.master.state.recovered_agents.add("old")
    framework = world.framework()
    framework.reconcile(("t1", "old"), ("t2", None))
    assert framework.statuses == []


def test_messages_travel_between_framework_and_executor() -> None:
    _, agent, framework = launched()
    body = scheduler.FrameworkMessage(
        agent_id=AgentID(value=agent.id), executor_id=ExecutorID(value="e"), data=b"down"
    )
    framework.call(CallType.MESSAGE, message=body)
    assert agent.messages(link.FrameworkToExecutor)[0].data == b"down"
    agent.say(
        link.ExecutorToFramework(
            framework_id=FrameworkID(value=framework.id),
            executor_id=ExecutorID(value="e"),
            data=b"up",
        )
    )
    message = framework.of_type(EventType.MESSAGE)[0].message
    assert message and message.data == b"up"


def test_shutdown_of_an_executor_reaches_its_agent() -> None:
    _, agent, framework = launched()
    body = scheduler.Shutdown(agent_id=AgentID(value=agent.id), executor_id=ExecutorID(value="e"))
    framework.call(CallType.SHUTDOWN, shutdown=body)
    assert agent.messages(link.ShutdownExecutor)[0].executor_id.value == "e"


def test_the_history_of_tasks_is_bounded() -> None:
    from orchestrator.master.config import MasterConfig

    world = World(MasterConfig(max_completed_tasks_per_framework=2))
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", "t2", "t3")
    for task_id in ("t1", "t2", "t3"):
        framework.acknowledge(agent.report(framework.id, task_id, TaskState.FINISHED))
    completed = world.master.cluster.frameworks[framework.id].completed
    assert [t.task_id for t in completed] == ["t2", "t3"]


def test_a_kill_that_names_another_agent_kills_nothing() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    for agent_id in ("another", agent.id):
        kill = scheduler.Kill(task_id=TaskID(value="t1"), agent_id=AgentID(value=agent_id))
        framework.call(CallType.KILL, kill=kill)
    assert len(agent.messages(link.KillTask)) == 1


def test_of_statuses_only_so_much_is_kept_as_cannot_fill_the_memory() -> None:
    world, agent, framework = launched()
    status = TaskStatus(
        task_id=TaskID(value="t1"),
        state=TaskState.RUNNING,
        agent_id=AgentID(value=agent.id),
        uuid=b"u",
        data=b"x" * 1_000_000,
        message="y" * 1_000_000,
        labels=Labels(labels=[Label(key="z", value="z" * 1_000_000)]),
    )
    update = link.StatusUpdate(framework_id=FrameworkID(value=framework.id), status=status)
    agent.say(link.StatusUpdates(updates=[update]))
    assert framework.statuses[-1] == status
    (kept,) = world.master.cluster.frameworks[framework.id].tasks["t1"].statuses
    assert len(codec.encode(kept)) < 10_000
    reported = msgspec.structs.replace(
        running("t1", framework.id, agent.id), statuses=[status] * 10
    )
    again = world.restarted()
    agent.again([reported], [world.master.cluster.frameworks[framework.id].info], at=again)
    assert again.master.cluster.frameworks[framework.id].tasks["t1"].statuses == [kept]


def test_a_kill_that_was_lost_with_the_link_is_sent_again_until_the_task_ends() -> None:
    world, agent, framework = launched()
    framework.kill("t1")
    info = world.master.cluster.frameworks[framework.id].info
    for _ in range(2):
        agent = agent.again([running("t1", framework.id, agent.id)], [info])
        assert [k.task_id.value for k in agent.messages(link.KillTask)] == ["t1"]
    status = agent.report(framework.id, "t1", TaskState.KILLED, b"end")
    assert not world.master.cluster.agents[agent.id].kills
    framework.acknowledge(status)
    agent = agent.again()
    assert agent.messages(link.KillTask) == []
