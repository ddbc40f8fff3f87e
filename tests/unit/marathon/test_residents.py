"""Apps with persistent volumes: reserved, launched, kept, wiped; hour by hour of virtual time."""

import pytest
from tests.unit.marathon.reserving import ResidentCluster

from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.effects import KillInstances, RestartApp
from orchestrator.mesos.scheduler import OperationType
from orchestrator.mesos.types import TaskState


@pytest.fixture
def cluster() -> ResidentCluster:
    return ResidentCluster()


@pytest.fixture
def running() -> ResidentCluster:
    return ResidentCluster.running_one()


def test_a_new_instance_is_reserved_for_first_and_launched_on_what_is_offered_then(
    cluster: ResidentCluster,
) -> None:
    cluster.create_resident()
    cluster.offer_all()
    assert cluster.operations() == [OperationType.RESERVE, OperationType.CREATE]
    assert cluster.only().condition is Condition.SCHEDULED
    assert not cluster.reserving.problems
    cluster.offer_all()
    assert cluster.operations()[2:] == [OperationType.LAUNCH]
    assert cluster.only().condition is Condition.PROVISIONED


def test_all_that_the_instance_uses_is_reserved_with_labels_that_say_for_whom(
    cluster: ResidentCluster,
) -> None:
    cluster.create_resident(cpus=0.5, mem=64, disk=10)
    cluster.offer_all()
    reserved = cluster.reserving.reserved()
    assert reserved.scalars() == {"cpus": 500, "mem": 64_000, "disk": 522_000}
    assert sum(end - begin + 1 for begin, end in reserved.ranges("ports")) == 1
    labels = {kind.reservations[-1].labels for kind in reserved.amounts}
    assert labels == {
        (("marathon_framework_id", "framework"), ("marathon_task_id", cluster.only().id))
    }


def test_the_volume_is_named_after_the_app_its_path_and_a_unique_id(
    running: ResidentCluster,
) -> None:
    (volume,) = running.reserving.volumes()
    name, path, unique = volume.split("#")
    assert (name, path) == ("db", "data")
    assert unique.startswith("id-")


def test_what_is_reserved_is_not_for_other_apps(running: ResidentCluster) -> None:
    home = running.home()[0]
    running.change(id="/db", instances=0)
    running.run()
    running.create(id="/other", cmd="x", cpus=8, instances=3)
    running.offer_all(3)
    agents = {i.place.agent_id for i in running.instances("/other") if i.place}
    assert len(agents) == 2
    assert home not in agents


def test_an_instance_that_fails_is_launched_again_on_its_agent_with_its_volume(
    running: ResidentCluster,
) -> None:
    before, first = running.home(), running.only()
    running.report(first.task_id, TaskState.FAILED)
    running.run()
    assert running.home() == before
    assert running.only().id == first.id
    assert running.only().task_id != first.task_id
    assert running.operations().count(OperationType.RESERVE) == 1


def test_an_instance_waits_for_its_agent_and_takes_no_other(running: ResidentCluster) -> None:
    home = running.home()[0]
    running.report(running.only().task_id, TaskState.LOST)
    away = running.reserving.free.pop(home)
    running.pass_time(24 * 3600)
    running.offer_all(3)
    assert running.only().condition is Condition.SCHEDULED
    assert "reserved" in running.marathon.launcher.stats["/db"].sentence()
    running.reserving.free[home] = away
    running.offer_all()
    assert running.only().condition is Condition.PROVISIONED


def test_an_unreachable_instance_is_not_replaced(running: ResidentCluster) -> None:
    running.report(running.only().task_id, TaskState.UNREACHABLE)
    running.pass_time(7 * 24 * 3600)
    assert running.only().condition is Condition.UNREACHABLE


def test_volumes_on_an_agent_that_is_gone_for_good_are_given_up(running: ResidentCluster) -> None:
    home = running.home()[0]
    running.report(running.only().task_id, TaskState.GONE_BY_OPERATOR)
    del running.reserving.free[home]
    running.run()
    assert running.only().condition is Condition.RUNNING
    assert running.home()[0] != home


def test_a_killed_task_is_launched_again_with_its_volume(running: ResidentCluster) -> None:
    before = running.home()
    running.ask(KillInstances([running.only().id]))
    assert running.only().goal is Goal.STOPPED
    running.run()
    running.offer_all(2)
    running.run()
    assert running.home() == before
    assert running.only().incarnation == 2


def test_scaling_down_keeps_the_volume_and_scaling_up_takes_it_again(
    running: ResidentCluster,
) -> None:
    before = running.home()
    running.change(id="/db", instances=0)
    running.run()
    assert running.only().is_suspended
    assert len(running.reserving.volumes()) == 1
    assert running.master.is_suppressed
    running.change(id="/db", instances=1)
    running.run()
    assert running.home() == before


def test_scaling_up_before_the_end_waits_for_it(running: ResidentCluster) -> None:
    running.change(id="/db", instances=0)
    running.change(id="/db", instances=1, force=True)
    assert len(running.instances("/db")) == 1
    running.run()
    assert len(running.reserving.volumes()) == 1
    assert running.only().condition is Condition.RUNNING


def test_an_update_replaces_the_task_where_its_volume_is(running: ResidentCluster) -> None:
    before = running.home()
    running.change(id="/db", cmd="y")
    running.run()
    assert running.home() == before
    assert running.master.tasks[running.only().task_id].info.command.value == "y"  # type: ignore[union-attr]


def test_an_update_of_several_keeps_half_of_them_running() -> None:
    cluster = ResidentCluster()
    cluster.create_resident(instances=4)
    cluster.run()
    volumes = cluster.reserving.volumes()
    lowest = 4

    def count() -> None:
        nonlocal lowest
        lowest = min(lowest, len(cluster.running("/db")))

    cluster.after_event = count
    cluster.ask(RestartApp("/db"))
    cluster.run()
    assert lowest == 2
    assert cluster.reserving.volumes() == volumes
    assert len(cluster.running("/db")) == 4


def test_a_reservation_that_is_not_offered_in_time_is_given_up_and_made_again(
    cluster: ResidentCluster,
) -> None:
    cluster.create_resident()
    cluster.reserving.fails_to_reserve = True
    cluster.offer_all()
    first = cluster.only()
    cluster.pass_time(21)
    assert cluster.only().id != first.id
    cluster.reserving.fails_to_reserve = False
    cluster.run()
    assert cluster.only().condition is Condition.RUNNING


def test_a_reservation_that_comes_too_late_is_freed(cluster: ResidentCluster) -> None:
    cluster.create_resident()
    cluster.offer_all()
    late = cluster.only().id
    cluster.pass_time(21)
    cluster.run()
    labels = [kind.reservations[-1].labels for kind in cluster.reserving.reserved().amounts]
    assert not any(late in dict(pairs).values() for pairs in labels)
    assert len(cluster.reserving.volumes()) == 1


def test_no_reservation_is_given_up_while_there_is_no_master(cluster: ResidentCluster) -> None:
    cluster.create_resident()
    cluster.offer_all()
    reserving = cluster.only().id
    cluster.lose_master()
    cluster.pass_time(3600)
    assert cluster.only().id == reserving


def test_reservations_survive_a_restart(running: ResidentCluster) -> None:
    before = running.home()
    running.report(running.only().task_id, TaskState.FAILED)
    running.restart()
    running.run()
    assert running.home() == before


def test_unique_instances_stay_apart_and_do_not_hinder_their_own_relaunch() -> None:
    cluster = ResidentCluster()
    cluster.create_resident(instances=3, constraints=[["hostname", "UNIQUE"]])
    cluster.run()
    hosts = {i.place.host for i in cluster.instances("/db") if i.place}
    assert len(hosts) == 3
    for instance in cluster.instances("/db"):
        cluster.report(instance.task_id, TaskState.FAILED)
    cluster.run()
    assert {i.place.host for i in cluster.running("/db") if i.place} == hosts


def test_several_volumes_are_made_and_found_again(cluster: ResidentCluster) -> None:
    volumes = [
        {"containerPath": path, "mode": "RW", "persistent": {"size": size}}
        for path, size in (("a", 10), ("b", 20))
    ]
    cluster.create_resident(container={"type": "MESOS", "volumes": volumes})
    cluster.run()
    before = cluster.home()
    assert len(before[1]) == 2
    cluster.report(cluster.only().task_id, TaskState.FAILED)
    cluster.run()
    assert cluster.home() == before
