"""What is kept of an app's instances, against the instances, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.marathon import plain_rolling
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core.apps import normalisation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import KillSelection
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment import rolling
from orchestrator.marathon.core.deployment.rolling import Move
from orchestrator.marathon.core.instance import Instance, Place
from orchestrator.marathon.core.roster import Roster

shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def apps(draw: st.DrawFn) -> App:
    """An app of version "v", with any checks, strategy and constraints."""
    app = normalisation.complete(
        "/a",
        update(
            id="/a",
            cmd="x",
            instances=draw(st.integers(0, 8)),
            kill_selection=draw(st.sampled_from(KillSelection)),
            upgrade_strategy={
                "minimumHealthCapacity": draw(shares),
                "maximumOverCapacity": draw(shares),
            },
            healthChecks=draw(st.sampled_from([[], [{"protocol": "TCP"}]])),
            readinessChecks=draw(st.sampled_from([[], [{}]])),
            constraints=draw(st.sampled_from([[], [["rack", "GROUP_BY"]]])),
        ),
        None,
        "*",
    )
    return app.stamped("v", None)


@st.composite
def instances(draw: st.DrawFn) -> list[Instance]:
    """Instances of the app in any state."""
    count = draw(st.integers(0, 10))
    return [draw(instance(number)) for number in range(count)]


@st.composite
def instance(draw: st.DrawFn, number: int) -> Instance:
    rack = draw(st.sampled_from(["r1", "r2"]))
    return Instance(
        id=f"i{number}",
        app_id="/a",
        version="v",
        config_version=draw(st.sampled_from(["v", "u", "t"])),
        scheduled_at=float(draw(st.integers(1, 3))),
        staged_at=draw(st.sampled_from([None, 1.0, 2.0, 5.0])),
        goal=draw(st.sampled_from(Goal)),
        condition=draw(st.sampled_from([Condition.RUNNING, *Condition])),
        healthy=draw(st.sampled_from([None, True, False])),
        passed_readiness=draw(st.booleans()),
        place=Place(host="h", agent_id="s", attributes={"rack": rack}),
    )


def members(roster: Roster) -> list[list[str]]:
    return sorted(sorted(i.id for i in cohort) for cohort in roster.cohorts)


def comparable(move: Move) -> tuple[int, list[str], bool]:
    return move.start, sorted(move.stop), move.is_done


@given(apps(), instances())
def test_an_update_makes_the_moves_that_a_look_at_every_instance_would(
    app: App, found: list[Instance]
) -> None:
    move = rolling.roll(app, Roster.of(found))
    assert comparable(move) == comparable(plain_rolling.roll(app, found))


@given(apps(), instances(), st.data())
def test_scaling_makes_the_moves_that_a_look_at_every_instance_would(
    app: App, found: list[Instance], data: st.DataObject
) -> None:
    chosen = [one for one in found if data.draw(st.booleans())]
    move = rolling.scale(app, Roster.of(found), chosen)
    plain = plain_rolling.scale(app, found, [i.id for i in chosen])
    assert comparable(move) == comparable(plain)


@given(instances(), st.sampled_from(KillSelection), st.integers(-1, 12))
def test_victims_come_in_the_order_of_a_sort(
    found: list[Instance], selection: KillSelection, count: int
) -> None:
    chosen = rolling.victims(list(Roster.of(found).cohorts), selection, count)
    assert chosen == plain_rolling.victims(found, selection)[: max(0, count)]


@given(instances(), instances(), st.sampled_from(KillSelection))
def test_a_roster_that_changed_is_as_one_made_anew(
    before: list[Instance], after: list[Instance], selection: KillSelection
) -> None:
    roster = Roster.of(before)
    for cohort in roster.cohorts:
        cohort.first(selection, 1)  # from now on it keeps an order too
    _change(roster, before, after)
    fresh = Roster.of(after)
    assert members(roster) == members(fresh)
    ordered = rolling.victims(list(roster.cohorts), selection, 20)
    assert ordered == rolling.victims(list(fresh.cohorts), selection, 20)


def _change(roster: Roster, before: Sequence[Instance], after: Sequence[Instance]) -> None:
    old, new = {i.id: i for i in before}, {i.id: i for i in after}
    for instance_id in old | new:
        roster.change(old.get(instance_id), new.get(instance_id))


@given(instances())
def test_what_went_leaves_no_trace(found: list[Instance]) -> None:
    roster = Roster.of(found)
    for one in found:
        roster.change(one, None)
    assert not roster.cohorts


def test_an_instance_that_changes_nothing_that_counts_is_the_new_one_all_the_same() -> None:
    old = Instance(id="i", app_id="/a", version="v", config_version="v", scheduled_at=1.0)
    new = replace(old, host_ports=[31000])
    roster = Roster.of([old])
    roster.change(old, new)
    assert [list(cohort) for cohort in roster.cohorts] == [[new]]


def test_the_state_keeps_its_rosters_through_deployments() -> None:
    cluster = Cluster()

    def compare() -> None:
        state = cluster.marathon.state
        for app_id in ("/a", "/b"):
            kept, fresh = state.roster_of(app_id), Roster.of(state.instances_of(app_id))
            assert members(kept) == members(fresh)

    cluster.after_event = compare
    cluster.create(id="/a", cmd="x", instances=3)
    cluster.create(id="/b", cmd="x")
    cluster.run()
    cluster.change(id="/a", cmd="y", instances=5)
    cluster.run()
    cluster.restart()
    compare()
    cluster.change(id="/a", instances=1)
    cluster.run()
