"""Why an app waits, in words that say what to do."""

from tests.unit.marathon.cluster import Cluster, FakeMaster
from tests.unit.marathon.reserving import ResidentCluster

from orchestrator.marathon.core.placement.explanation import MAX_OFFERS, Explainer, Explanation
from orchestrator.marathon.core.placement.matching import Reason
from orchestrator.mesos.types import TaskState


def explain(cluster: Cluster, app_id: str = "/a") -> Explanation:
    marathon = cluster.marathon
    return Explainer(marathon.state, marathon.launcher, cluster.now).explain(
        marathon.state.apps[app_id]
    )


def test_each_offer_says_all_that_it_lacked() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/a", cmd="x", cpus=10, mem=10_000)
    cluster.hear(cluster.master.offer())
    (offer,) = explain(cluster).offers
    assert offer.agent_id == "agent-0"
    assert offer.lacks == [
        "8.0 cpus of the 10.0 wanted",
        "8192.0 MiB mem of the 10000.0 wanted",
    ]


def test_what_no_agent_has_is_named_with_the_largest_that_is_known() -> None:
    cluster = Cluster(agents=2)
    cluster.create(id="/a", cmd="x", cpus=10)
    cluster.hear(cluster.master.offer())
    found = explain(cluster)
    assert (found.known_agents, found.fitting_agents, found.can_ever_fit) == (2, 0, False)
    assert found.needed == ["an agent with 10.0 cpus; the largest known, agent-0.example, has 8.0"]


def test_what_is_used_by_own_instances_could_be_had_again() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/other", cmd="x", cpus=5)
    cluster.run()
    cluster.create(id="/a", cmd="x", cpus=6)
    cluster.hear(cluster.master.offer())
    found = explain(cluster)
    assert found.offers[0].lacks == ["3.0 cpus of the 6.0 wanted"]
    assert (found.can_ever_fit, found.needed) == (True, [])


def test_a_constraint_that_no_agent_meets_is_named() -> None:
    cluster = Cluster(agents=2)
    cluster.create(id="/a", cmd="x", constraints=[["rack", "IS", "r1"]])
    cluster.hear(cluster.master.offer())
    found = explain(cluster)
    assert found.offers[0].lacks == ["it has no rack, which does not meet rack IS r1"]
    assert found.needed == ["an agent that meets rack IS r1; none of the known does"]
    assert found.can_ever_fit is False


def test_a_constraint_that_only_siblings_break_can_be_met_by_another_agent() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/a", cmd="x", instances=2, constraints=[["hostname", "UNIQUE"]])
    cluster.hear(cluster.master.offer())
    found = explain(cluster)
    assert found.offers[0].lacks == [
        "its hostname is agent-0.example, which does not meet hostname UNIQUE"
    ]
    assert found.needed == []


def test_a_port_that_is_taken_is_named() -> None:
    cluster = Cluster(agents=1)
    ports = [{"port": 80}]
    cluster.create(id="/a", cmd="x", portDefinitions=ports, requirePorts=True)
    cluster.hear(cluster.master.offer())
    found = explain(cluster)
    assert found.offers[0].lacks == ["host port 80 is not free"]
    assert "host port 80" in found.wants


def test_an_instance_that_waits_for_its_volumes_says_where_they_are() -> None:
    cluster = ResidentCluster(agents=2)
    cluster.create_resident()
    cluster.run()
    (instance,) = cluster.instances("/db")
    assert instance.place is not None
    home = instance.place
    cluster.report(instance.task_id, TaskState.LOST)
    del cluster.reserving.free[home.agent_id]
    cluster.pass_time(60)
    cluster.offer_all()
    (offer,) = explain(cluster, "/db").offers
    assert offer.lacks == [f"the volumes of the instance are on {home.host}"]


def test_failures_that_delay_the_launch_are_said() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", backoffSeconds=100)
    cluster.run()
    (instance,) = cluster.instances("/a")
    cluster.report(instance.task_id, TaskState.FAILED)
    assert explain(cluster).summary == "launches are delayed for 100 more seconds, after failures"


def test_nothing_is_said_of_agents_before_any_was_offered() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    found = explain(cluster)
    assert (found.summary, found.can_ever_fit) == ("no offer has come yet", None)


def test_the_offers_shown_are_bounded_and_the_latest_come_first() -> None:
    cluster = Cluster(master=FakeMaster(agents=50))
    cluster.create(id="/a", cmd="x", cpus=100)
    for agent in sorted(cluster.master.free):
        cluster.hear(cluster.master.offer(agent))
    offers = explain(cluster).offers
    assert len(offers) == MAX_OFFERS
    assert offers[0].agent_id == sorted(cluster.master.free)[-1]


def test_all_reasons_are_listed_the_decisive_one_first() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/a", cmd="x", cpus=10, mem=10_000, constraints=[["rack", "IS", "r"]])
    cluster.hear(cluster.master.offer())
    marathon = cluster.marathon
    (unused,) = marathon.launcher.stats["/a"].last_unused()
    reasons = Explainer(marathon.state, marathon.launcher, cluster.now).reasons(
        marathon.state.apps["/a"], unused
    )
    assert reasons == [
        Reason.UNFULFILLED_CONSTRAINT,
        Reason.INSUFFICIENT_CPUS,
        Reason.INSUFFICIENT_MEMORY,
    ]
