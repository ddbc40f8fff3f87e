"""After a crash, what is remembered and what runs are brought together; nothing starts twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.agent.world import World, task_info

from orchestrator.agent.core.messages import Ended, ForgetContainer, Observed, Started
from orchestrator.agent.core.task import Condition, Containerizer, Exit
from orchestrator.mesos import link
from orchestrator.mesos.types import FrameworkID, TaskState


def before_crash(*, started: bool = True) -> World:
    world = World().is_up()
    world.runs(task_info())
    if started:
        world.starts(pid=77)
    return world


def test_a_running_task_is_found_again_by_its_pid() -> None:
    again = before_crash().crashes()
    assert again.recovers(Started(container_id="c1", pid=77)) == []
    assert again.task().condition is Condition.RUNNING
    assert again.task().pid == 77


def test_unacknowledged_updates_survive_with_their_uuids() -> None:
    world = before_crash()
    kept = world.task().updates
    again = world.crashes()
    again.recovers(Started(container_id="c1", pid=77))
    again.registers()
    assert again.updates() == [kept[0]]
    again.acknowledges(kept[0])
    assert again.updates() == [kept[1]]


def test_an_exit_that_was_missed_is_told_with_its_status() -> None:
    again = before_crash().crashes()
    again.recovers(Ended(container_id="c1", exit=Exit(code=3)))
    last = again.task().updates[-1]
    assert (last.state, last.message) == (TaskState.FAILED, "Command exited with status 3")
    assert [f.container_id for f in again.of(ForgetContainer)] == ["c1"]


def test_a_task_nobody_knows_any_more_has_failed_and_the_message_says_why() -> None:
    again = before_crash().crashes()
    again.recovers()
    last = again.task().updates[-1]
    assert last.state is TaskState.FAILED
    assert last.message == (
        "Command ended, exit status unknown because the supervisor knows nothing of it"
    )


def test_a_launch_that_never_arrived_is_ordered_again() -> None:
    again = before_crash(started=False).crashes()
    again.recovers()
    assert again.launched() == ["c1"]


def test_a_launch_that_did_arrive_is_not_ordered_again() -> None:
    again = before_crash(started=False).crashes()
    again.recovers(Started(container_id="c1", pid=5))
    assert again.launched() == []
    assert again.task().state is TaskState.RUNNING


def test_a_kill_is_ordered_again_with_what_is_left_of_its_grace() -> None:
    world = before_crash()
    world.kills()
    world.now += 1
    again = world.crashes()
    again.recovers(Started(container_id="c1", pid=77))
    assert again.killed() == [("c1", 2.0)]


def test_a_task_killed_before_its_launch_arrived_never_starts() -> None:
    world = before_crash(started=False)
    world.kills()
    again = world.crashes()
    again.recovers()
    assert again.launched() == []
    assert again.task().state is TaskState.KILLED


def test_what_runs_without_a_task_is_ended() -> None:
    again = World()
    again.recovers(Started(container_id="stray", pid=9))
    assert again.killed() == [("stray", 0.0)]


def test_what_ended_without_a_task_is_forgotten() -> None:
    again = World()
    again.recovers(Ended(container_id="stray", exit=Exit(code=0)))
    assert [f.container_id for f in again.of(ForgetContainer)] == ["stray"]


def test_tasks_of_the_other_containerizer_are_left_alone() -> None:
    again = before_crash().crashes()
    again.happens(Observed(containerizer=Containerizer.DOCKER, containers=()))
    assert again.task().condition is Condition.RUNNING


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "start", "end", "kill", "ack", "crash", "wait", "drop framework"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


class Machine:
    """What a containerizer would do: start what it is told, once, and remember each end."""

    def __init__(self) -> None:
        self.starts: list[str] = []
        self.alive: set[str] = set()
        self.ended: dict[str, Exit] = {}

    def take(self, world: World) -> None:
        for container_id in world.launched():
            if container_id not in self.starts:
                self.starts.append(container_id)
                self.alive.add(container_id)
        for forget in world.of(ForgetContainer):
            self.ended.pop(forget.container_id, None)

    def facts(self) -> list[Started | Ended]:
        running = [Started(container_id=c, pid=1 + int(c[1:])) for c in sorted(self.alive)]
        return [*running, *(Ended(container_id=c, exit=e) for c, e in self.ended.items())]


@settings(max_examples=150)
@given(STEPS)
def test_no_sequence_of_crashes_starts_a_task_twice_or_loses_one(
    steps: list[tuple[str, int]],
) -> None:
    machine, world, crashes = Machine(), World().is_up(), 0
    seen_end: set[str] = set()
    for what, number in steps:
        name, container = f"t{number}", None
        if task := world.agent.book.find("F-0000", name):
            container = task.id
        match what:
            case "run":
                world.runs(task_info(name, "cpus:0.1"))
            case "start" if container in machine.alive:
                world.happens(Started(container_id=container, pid=1 + int(container[1:])))
            case "end" if container in machine.alive:
                machine.alive.discard(container)
                machine.ended[container] = Exit(code=0)
                world.ends(container, code=0)
            case "kill":
                world.kills(name)
            case "ack" if task is not None and task.updates:
                world.acknowledges(task.updates[0])
            case "wait":
                world.passes(5)
                world.said(link.Ping())
            case "drop framework":
                world.said(link.ShutdownFramework(framework_id=FrameworkID(value="F-0000")))
            case "crash":
                crashes += 1
                disk, now = world.disk, world.now
                world = World(disk, prefix=f"{'cdefgh'[crashes % 6]}{crashes}00")
                world.now = now
                world.recovers(*machine.facts())
                machine.take(world)
                world.registers()
            case _:
                continue
        machine.take(world)
        seen_end |= {t.id for t in world.agent.book.tasks() if t.has_ended}
        held = {task.id for task in world.agent.book.tasks() if not task.has_ended}
        assert len(machine.starts) == len(set(machine.starts))
        assert machine.alive == held, "what runs and what is believed to run differ"


@pytest.mark.parametrize("key", ["agent", "tasks/c1", "frameworks/F-0000"])
def test_everything_saved_can_be_read_again(key: str) -> None:
    world = before_crash()
    assert key in world.disk
    again = world.crashes()
    assert again.agent.book.tasks() == world.agent.book.tasks()
    assert again.agent.book.frameworks == world.agent.book.frameworks
    assert again.agent.agent_id == world.agent.agent_id
