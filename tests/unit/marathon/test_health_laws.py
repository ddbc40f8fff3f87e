"""Laws of health checks, whatever the tasks answer and whatever happens meanwhile."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import DeleteApp
from orchestrator.marathon.core.health.happenings import UnhealthyInstanceKilled
from orchestrator.marathon.core.health.probes import Answer, HttpAnswer, NoAnswer, NotTried, Probe
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.types import TaskState

chance = st.builds(Random, st.integers(0, 2**32))
CHECK = {"intervalSeconds": 5, "gracePeriodSeconds": 10, "maxConsecutiveFailures": 1}
READY = {"portName": "default", "intervalSeconds": 5, "timeoutSeconds": 2}
ANSWERS: list[Answer] = [HttpAnswer(200), HttpAnswer(500), NoAnswer("no"), NotTried("no files")]
AT_ONCE = 2


def fickle(random: Random) -> Cluster:
    """An app whose tasks answer as they like, or not yet."""
    cluster = Cluster(Settings(user="nobody", kill_chunk_size=AT_ONCE))
    cluster.responds = lambda probe: random.choice([*ANSWERS, None])
    cluster.create(
        id="/a", cmd="x", instances=3, cpus=0.1, healthChecks=[CHECK], readinessChecks=[READY]
    )
    return cluster


def step(cluster: Cluster, random: Random) -> None:
    choices = cluster.master.choices()
    running = [t.id for t in cluster.master.tasks.values() if t.state is TaskState.RUNNING]
    match random.randrange(8):
        case 0 if cluster.probes:
            cluster.answer(random.choice(cluster.probes), random.choice(ANSWERS))
        case 1 if running:
            cluster.report(random.choice(running), TaskState.FAILED)
        case 2 | 3 | 4:
            cluster.pass_time(random.choice([0.1, 1.0, 5.0]))
        case _ if choices:
            cluster.hear(cluster.master.do(random.choice(choices)))


def answer_all(cluster: Cluster, answer: Answer) -> None:
    cluster.responds = lambda probe: answer
    for probe in list(cluster.probes):
        cluster.answer(probe, answer)


@settings(max_examples=60, deadline=None)
@given(chance)
def test_when_all_is_well_at_last_every_instance_is_healthy_and_no_deployment_is_left(
    random: Random,
) -> None:
    cluster = fickle(random)
    for _ in range(60):
        step(cluster, random)
        if random.random() < 0.02:
            cluster.restart()
    cluster.change(force=True, id="/a", cmd="new")
    for _ in range(20):
        step(cluster, random)
    answer_all(cluster, HttpAnswer(200))
    for _ in range(100):
        while choices := cluster.master.choices():
            cluster.hear(cluster.master.do(choices[0]))
        cluster.pass_time(1)
    assert [i.healthy for i in cluster.running("/a")] == [True] * 3
    assert len(cluster.master.tasks) == 3
    assert not cluster.marathon.state.deployments


@settings(max_examples=60, deadline=None)
@given(chance)
def test_no_more_than_so_many_unhealthy_instances_are_killed_at_once(
    random: Random,
) -> None:
    cluster = fickle(random)
    for _ in range(100):
        step(cluster, random)
        condemned = {
            event.task_id
            for event in cluster.published
            if isinstance(event, UnhealthyInstanceKilled)
        }
        assert len(condemned & cluster.master.tasks.keys()) <= AT_ONCE


@settings(max_examples=60, deadline=None)
@given(chance)
def test_only_what_runs_is_asked(random: Random) -> None:
    cluster = fickle(random)

    def check(probe: Probe) -> Answer | None:
        found = [i for i in cluster.instances("/a") if i.task_id == probe.key.task_id]
        assert [i.condition for i in found] == [Condition.RUNNING]
        return random.choice([*ANSWERS, None])

    cluster.responds = check
    for _ in range(100):
        step(cluster, random)


@settings(max_examples=40, deadline=None)
@given(chance)
def test_nothing_is_left_of_an_app_that_is_gone(random: Random) -> None:
    cluster = fickle(random)
    for _ in range(40):
        step(cluster, random)
    cluster.ask(DeleteApp("/a"))
    cluster.run()
    cluster.probes.clear()
    cluster.pass_time(1000)
    assert cluster.probes == []
    state = cluster.marathon.state
    assert not state.instances
    regular = [state.timers.get("reconcile", ""), state.timers.get("scale-check", "")]
    assert state.timers.next() in regular
