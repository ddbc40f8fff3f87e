"""Placing instances: spreading, bounds, and what is said of those that wait."""

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import Offer, Resource, Scalar, ValueType


def provisioned(cluster: Cluster) -> int:
    instances = cluster.marathon.state.instances.values()
    return sum(i.condition is Condition.PROVISIONED for i in instances)


def test_the_launches_on_one_offer_are_bounded_and_the_rest_is_wanted_back() -> None:
    cluster = Cluster(Settings(max_launches_per_offer=2), agents=1)
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=5)
    cluster.hear(cluster.master.offer())
    accept = cluster.master.calls_of(CallType.ACCEPT)[-1].accept
    assert provisioned(cluster) == 2
    assert accept is not None
    assert accept.filters is not None
    assert accept.filters.refuse_seconds == 0


def test_unique_instances_go_to_different_agents() -> None:
    cluster = Cluster(agents=3)
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=4, constraints=[["hostname", "UNIQUE"]])
    cluster.hear(cluster.master.offer())
    hosts = [i.place.host for i in cluster.instances("/a") if i.place]
    assert len(hosts) == len(set(hosts)) == 3
    assert "did not meet the app's constraints" in cluster.waiting_for()[0]


def test_groups_are_filled_evenly() -> None:
    cluster = Cluster(agents=3)
    constraints = [["hostname", "GROUP_BY", "3"]]
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=6, constraints=constraints)
    cluster.hear(cluster.master.offer())
    hosts = [i.place.host for i in cluster.instances("/a") if i.place]
    assert sorted(map(hosts.count, set(hosts))) == [2, 2, 2]


def test_what_fits_nowhere_says_what_is_missing() -> None:
    cluster = Cluster(agents=3)
    cluster.create(id="/a", cmd="x", mem=10**6)
    cluster.hear(cluster.master.offer())
    assert cluster.waiting_for() == [
        "/a has 0 of 1 instances ready and waits for 1 instance to be placed on an offer: "
        "of the last offers of 3 agents, 3 had too little memory"
    ]


def test_a_deployment_without_a_master_says_so() -> None:
    cluster = Cluster()
    cluster.lose_master()
    cluster.create(id="/a", cmd="x")
    assert "Marathon is not connected to a master" in cluster.waiting_for()


def test_of_each_agent_only_the_last_offer_counts() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/a", cmd="x", cpus=100)
    for _ in range(5):
        cluster.hear(cluster.master.offer())
    stats = cluster.marathon.launcher.stats["/a"]
    assert (stats.processed, stats.unused, len(stats.last_unused())) == (5, 5, 1)
    assert [s.declined for s in stats.whole_attempt() if s.declined] == [5]
    assert [s.declined for s in stats.last_offers() if s.declined] == [1]


def test_the_offers_remembered_are_bounded() -> None:
    cluster = Cluster(agents=150)
    cluster.create(id="/a", cmd="x", cpus=100)
    cluster.hear(cluster.master.offer())
    assert len(cluster.marathon.launcher.stats["/a"].last_unused()) == 100


def test_an_app_that_does_not_wait_any_more_is_forgotten() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    cluster.run()
    assert not cluster.marathon.launcher.stats


def test_an_app_that_cannot_be_placed_does_not_hold_up_others() -> None:
    cluster = Cluster()
    cluster.create(id="/big", cmd="x", cpus=100)
    cluster.create(id="/small", cmd="x")
    cluster.hear(cluster.master.offer())
    assert cluster.instances("/small")[0].condition is Condition.PROVISIONED


@pytest.mark.parametrize("value", [-1.0, 1e30])
def test_an_offer_that_cannot_be_read_is_declined(value: float) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    event = cluster.master.offer("agent-0")
    assert event.offers is not None
    nonsense = Resource(name="cpus", type=ValueType.SCALAR, scalar=Scalar(value=value))
    broken = _with_resources(event.offers.offers[0], nonsense)
    event.offers.offers[:] = [broken]
    cluster.hear(event)
    assert not cluster.master.offers


def _with_resources(offer: Offer, resource: Resource) -> Offer:
    from msgspec.structs import replace

    return replace(offer, resources=[resource])
