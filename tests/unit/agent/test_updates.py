"""Status updates are sent until acknowledged: after 10 s, then ever later, up to 10 minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.agent.world import World, framework, task_info

from orchestrator.agent.core.messages import LinkLost, Send
from orchestrator.agent.core.retries import FIRST_S, LAST_S, Retries
from orchestrator.mesos import link
from orchestrator.mesos.types import FrameworkID, TaskState


def retry_times(world: World, duration_s: float) -> list[float]:
    times, end = [], world.now + duration_s
    while (at := world.agent.wake_at()) is not None and at <= end:
        world.said(link.Ping())  # or the agent gives the link up
        before = world.now
        world.passes(min(at, end) - before)
        times += [world.now] * bool(world.updates())
    return times


def test_an_update_is_sent_again_after_ten_seconds_then_twice_as_long() -> None:
    world = World().is_up()
    world.runs(task_info())
    began = world.now
    assert [t - began for t in retry_times(world, 3000)] == [
        10, 30, 70, 150, 310, 630, 1230, 1830, 2430,
    ]  # fmt: skip


def test_an_acknowledged_update_is_not_sent_again() -> None:
    world = World().is_up()
    world.runs(task_info())
    world.acknowledges_all()
    assert retry_times(world, 3000) == []


def test_without_a_link_nothing_is_sent_and_everything_afterwards() -> None:
    world = World().is_up()
    world.runs(task_info("a"), task_info("b"))
    world.happens(LinkLost(reason="gone", jitter=0.0))
    world.starts("c1")
    assert [e for e in world.passes(0.2) if isinstance(e, Send)] == []
    world.passes(1)
    world.registers()
    assert world.states() == [TaskState.STARTING, TaskState.STARTING]


def test_a_framework_that_failed_over_hears_at_once_what_it_missed() -> None:
    world = World().is_up()
    world.runs(task_info())
    world.passes(5)
    world.said(link.UpdateFramework(framework=framework()))
    assert len(world.updates()) == 1
    began = world.now
    assert [t - began for t in retry_times(world, 40)] == [10, 30]


def test_others_hear_nothing_of_a_fail_over() -> None:
    world = World().is_up()
    world.runs(task_info())
    other = framework(id_=FrameworkID(value="other"))
    world.said(link.UpdateFramework(framework=other))
    assert world.updates() == []


def test_many_updates_travel_in_one_message() -> None:
    world = World().is_up()
    world.happens(LinkLost(reason="gone", jitter=0.0))
    world.runs(*(task_info(f"t{i}", "cpus:0.001") for i in range(700)))
    world.passes(1)
    world.registers()
    messages = [e.message for e in world.of(Send) if isinstance(e.message, link.StatusUpdates)]
    assert [len(message.updates) for message in messages] == [500, 200]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["sent", "drop"]), st.floats(0, 50)))
)
def test_every_name_sent_and_not_dropped_comes_due_within_its_interval(
    steps: list[tuple[str, str, float]],
) -> None:
    retries, now = Retries(), 0.0
    waiting: dict[str, float] = {}
    for name, what, pause in steps:
        now += pause
        for due in retries.due(now):
            assert due in waiting
            retries.sent(due, now)
            waiting[due] = now
        if what == "sent" and name not in waiting:
            retries.sent(name, now)
            waiting[name] = now
        elif what == "drop":
            retries.drop(name)
            waiting.pop(name, None)
        next_at = retries.next_at()
        assert (next_at is None) == (not waiting)
        if next_at is not None:
            assert now < next_at <= min(waiting.values()) + LAST_S
    assert set(retries.due(now + LAST_S)) == set(waiting)


def test_retries_start_anew_after_a_drop() -> None:
    retries = Retries()
    retries.sent("a", 0)
    retries.sent("a", 10)
    retries.drop("a")
    retries.sent("a", 100)
    assert retries.next_at() == 100 + FIRST_S
