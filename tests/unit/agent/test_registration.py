"""The link to the master: opened, registered, given up, tried again; and leaving for good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.world import AGENT, World, task_info

from orchestrator.agent.core.messages import (
    CloseLink,
    Halt,
    HaltReason,
    Leave,
    LinkLost,
    LinkOpened,
    OpenLink,
    Send,
)
from orchestrator.agent.core.registration import FIRST_BACKOFF_S, MAX_BACKOFF_S, backoff_s
from orchestrator.mesos import link
from orchestrator.mesos.types import FrameworkInfo, TaskState


def test_an_agent_is_silent_until_it_knows_what_runs() -> None:
    world = World()
    assert world.passes(100) == []
    world.recovers()
    assert world.passes(0) == [OpenLink()]


def test_the_first_registration_has_no_id_and_the_next_has() -> None:
    world = World()
    world.recovers()
    world.passes(0)
    world.happens(LinkOpened())
    assert world.registration().agent.id is None
    world.is_up()
    again = world.crashes()
    again.recovers()
    again.passes(0)
    again.happens(LinkOpened())
    assert again.registration().agent.id == AGENT


def test_a_registration_tells_all_tasks_not_yet_settled() -> None:
    world = World().is_up()
    world.runs(task_info("a"), task_info("b"), task_info("c"))
    world.starts("c1")
    world.ends("c2", code=1)
    world.ends("c3")
    for update in list(world.task("c").updates):
        world.acknowledges(update)
    world.happens(LinkLost(reason="gone", jitter=0.5))
    world.passes(1)
    world.happens(LinkOpened())
    message = world.registration()
    assert {task.task_id.value: task.state for task in message.tasks} == {
        "a": TaskState.RUNNING,
        "b": TaskState.FAILED,
    }
    assert [f.name for f in message.frameworks] == ["f"]
    assert message.tasks[0].status_update_state is TaskState.STARTING


def test_a_ping_is_answered_and_keeps_the_link() -> None:
    world = World().is_up()
    for _ in range(10):
        world.passes(70)
        assert world.said(link.Ping()) == [Send(message=link.Pong())]


def test_a_silent_master_is_given_up_and_tried_again() -> None:
    world = World().is_up()
    effects = world.passes(76)
    assert effects == [CloseLink(reason="the master does not answer"), OpenLink()]


@pytest.mark.parametrize("step", ["opening", "registering"])
def test_a_link_that_gets_nowhere_is_given_up(step: str) -> None:
    world = World()
    world.recovers()
    world.passes(0)
    if step == "registering":
        world.happens(LinkOpened())
    assert isinstance(world.passes(15.1)[0], CloseLink)


def test_a_refusal_that_may_change_is_retried_and_another_ends_the_agent() -> None:
    world = World()
    world.recovers()
    world.passes(0)
    world.happens(LinkOpened())
    assert world.said(link.Refused(reason="busy", retry=True)) == [CloseLink(reason="busy")]
    assert world.passes(1) == [OpenLink()]
    world.happens(LinkOpened())
    world.said(link.Refused(reason="no"))
    assert world.of(Halt) == [Halt(reason=HaltReason.REFUSED, detail="no")]
    assert world.passes(1000) == []


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_wait_grows_with_failures_and_jitter_takes_at_most_half(
    failures: int, jitter: float
) -> None:
    wait = backoff_s(failures, jitter)
    assert FIRST_BACKOFF_S / 2 <= wait <= MAX_BACKOFF_S
    assert wait <= backoff_s(failures + 1, 0.0)


def test_an_updated_framework_is_kept() -> None:
    world = World().is_up()
    world.runs(task_info())
    (old,) = world.agent.book.frameworks.values()
    new = FrameworkInfo(user=old.user, name="renamed", id=old.id)
    world.said(link.UpdateFramework(framework=new))
    again = world.crashes()
    assert [f.name for f in again.agent.book.frameworks.values()] == ["renamed"]


def test_leaving_ends_all_tasks_then_says_goodbye_and_forgets_the_id() -> None:
    world = World().is_up()
    world.runs(task_info("a"))
    world.starts("c1")
    world.happens(Leave())
    assert world.killed() == [("c1", 3.0)]
    world.runs(task_info("late"))
    assert world.task("late").state is TaskState.LOST
    world.ends("c1", signal=15)
    world.acknowledges_all()
    assert Send(message=link.Leaving()) in world.effects
    assert world.of(Halt) == [Halt(reason=HaltReason.LEFT)]
    assert world.disk == {}


def test_leaving_does_not_wait_long_for_acknowledgements() -> None:
    world = World().is_up()
    world.runs(task_info())
    world.happens(Leave())
    world.ends(started=False)
    assert world.of(Halt) == []
    world.passes(2)
    assert world.of(Halt) == [Halt(reason=HaltReason.LEFT)]


def test_leaving_without_tasks_or_master_is_immediate() -> None:
    world = World()
    world.recovers()
    world.happens(Leave())
    assert world.of(Halt) == [Halt(reason=HaltReason.LEFT)]
    assert world.of(Send) == []


def test_a_launch_that_crosses_the_goodbye_leaves_nothing_behind() -> None:
    world = World().is_up()
    world.happens(Leave())
    assert world.of(Halt) == [Halt(reason=HaltReason.LEFT)]
    assert world.runs(task_info("late")) == []
    assert world.disk == {}
