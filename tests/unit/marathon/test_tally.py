"""The numbers kept of an app's instances, against the instances."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core.apps import normalisation
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment import rolling
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.tally import Tally

APP = normalisation.complete("/a", update(id="/a", cmd="x"), None, "*").stamped("v", None)
INSTANCES = st.lists(st.tuples(st.sampled_from(Goal), st.sampled_from(Condition)), max_size=8)


def made(kinds: list[tuple[Goal, Condition]]) -> list[Instance]:
    return [
        replace(Instance.scheduled(APP, str(number), 0.0), goal=goal, condition=condition)
        for number, (goal, condition) in enumerate(kinds)
    ]


def tallied(instances: list[Instance]) -> Tally:
    tally = Tally()
    for instance in instances:
        tally.count(instance, 1)
    return tally


@given(kinds=INSTANCES, wanted=st.integers(0, 8))
def test_where_the_numbers_say_wait_a_look_at_the_instances_says_so_too(
    kinds: list[tuple[Goal, Condition]], wanted: int
) -> None:
    instances = made(kinds)
    if tallied(instances).is_waiting(wanted):
        move = rolling.scale(replace(APP, instances=wanted), instances)
        assert (move.start, move.stop, move.is_done) == (0, (), False)


@given(kinds=INSTANCES)
def test_what_is_counted_off_leaves_no_trace(kinds: list[tuple[Goal, Condition]]) -> None:
    instances = made(kinds)
    tally = tallied(instances)
    for instance in instances:
        tally.count(instance, -1)
    assert (tally.total, tally.wanted, tally.active, tally.running) == (0, 0, 0, 0)


def test_the_state_keeps_the_numbers_through_a_deployment() -> None:
    cluster = Cluster()

    def compare() -> None:
        state = cluster.marathon.state
        for app_id in ("/a", "/b"):
            kept, counted = state.tally_of(app_id), tallied(state.instances_of(app_id))
            for name in Tally.__slots__:
                assert getattr(kept, name) == getattr(counted, name)

    cluster.after_event = compare
    cluster.create(id="/a", cmd="x", instances=3)
    cluster.create(id="/b", cmd="x")
    cluster.run()
    cluster.change(id="/a", cmd="y", instances=5)
    cluster.run()
    cluster.restart()
    compare()
