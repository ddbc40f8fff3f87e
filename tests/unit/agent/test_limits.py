"""What the core makes of limits that were broken."""

from __future__ import annotations

from tests.unit.agent.world import World, resources, task_info

from orchestrator.agent.core.messages import LimitExceeded
from orchestrator.agent.core.task import Limitation
from orchestrator.mesos.types import TaskState

DISK = Limitation(
    reason="REASON_CONTAINER_LIMITATION_DISK",
    message="Disk usage (11MB) exceeds quota (10MB)",
    resources=resources("disk:10"),
)
MEMORY = Limitation(
    reason="REASON_CONTAINER_LIMITATION_MEMORY",
    message="Memory limit exceeded",
    resources=resources("mem:64"),
)


def running() -> World:
    world = World().is_up()
    world.runs(task_info())
    world.starts()
    world.acknowledges_all()
    return world


def test_a_container_over_its_limit_is_ended_at_once() -> None:
    world = running()
    world.happens(LimitExceeded(container_id="c1", limitation=DISK))
    assert world.killed() == [("c1", 0.0)]


def test_the_last_update_says_which_limit_was_broken() -> None:
    world = running()
    world.happens(LimitExceeded(container_id="c1", limitation=DISK))
    world.ends(signal=9)
    (failed,) = world.updates()
    assert (failed.state, failed.reason) == (TaskState.FAILED, DISK.reason)
    assert failed.message == DISK.message
    assert failed.limitation is not None
    assert failed.limitation.resources == DISK.resources


def test_an_agent_that_dies_meanwhile_still_knows_why() -> None:
    world = running()
    world.happens(LimitExceeded(container_id="c1", limitation=DISK))
    again = world.crashes()
    again.recovers()
    assert again.task().updates[-1].reason == DISK.reason


def test_only_the_first_limit_counts() -> None:
    world = running()
    world.happens(LimitExceeded(container_id="c1", limitation=DISK))
    assert world.happens(LimitExceeded(container_id="c1", limitation=MEMORY)) == []


def test_a_task_that_is_being_killed_is_killed_whatever_it_uses() -> None:
    world = running()
    world.kills()
    assert world.happens(LimitExceeded(container_id="c1", limitation=DISK)) == []
    world.ends(signal=9)
    assert world.task().state is TaskState.KILLED


def test_a_container_that_is_gone_breaks_no_limit() -> None:
    world = running()
    world.ends()
    assert world.happens(LimitExceeded(container_id="c1", limitation=DISK)) == []
    assert world.happens(LimitExceeded(container_id="unheard-of", limitation=DISK)) == []


def test_an_exit_for_want_of_memory_says_how_much_was_used() -> None:
    world = running()
    world.ends(signal=9, out_of_memory=True, limitation=MEMORY)
    (failed,) = world.updates()
    assert (failed.state, failed.reason) == (TaskState.FAILED, MEMORY.reason)
    assert failed.message == MEMORY.message
    assert failed.limitation is not None
    assert failed.limitation.resources == MEMORY.resources


def test_so_does_one_whose_exit_status_nobody_saw() -> None:
    world = running()
    world.ends(problem="nobody saw it", out_of_memory=True, limitation=MEMORY)
    assert world.updates()[0].reason == MEMORY.reason


def test_a_task_that_succeeds_in_spite_of_a_kill_for_memory_has_succeeded() -> None:
    world = running()
    world.ends(code=0, out_of_memory=True, limitation=MEMORY)
    assert world.updates()[0].state is TaskState.FINISHED


def test_without_figures_the_limit_is_the_request() -> None:
    world = running()
    world.ends(code=137, out_of_memory=True)
    (failed,) = world.updates()
    assert failed.limitation is not None
    assert failed.limitation.resources == resources("mem:64")
