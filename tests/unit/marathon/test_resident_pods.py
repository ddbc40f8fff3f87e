"""Pods with persistent volumes: reserved, launched, kept, wiped; hour by hour of virtual time."""

import pytest
from tests.unit.marathon.cluster import container
from tests.unit.marathon.reserving import MOUNTS, ResidentCluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import DeletePod, KillInstances
from orchestrator.marathon.core.placement import disks
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import LaunchGroup, OperationType
from orchestrator.mesos.types import ExecutorInfo, SandboxPathSource, TaskState, VolumeMode


@pytest.fixture
def cluster() -> ResidentCluster:
    return ResidentCluster()


@pytest.fixture
def running(cluster: ResidentCluster) -> ResidentCluster:
    cluster.create_resident_pod()
    cluster.run()
    return cluster


def group_of(cluster: ResidentCluster) -> LaunchGroup:
    """The latest group that was launched."""
    groups = [
        operation.launch_group
        for call in cluster.master.calls
        if call.accept
        for operation in call.accept.operations
        if operation.launch_group
    ]
    return groups[-1]


def fail(cluster: ResidentCluster) -> None:
    """One container fails; the other ends with it."""
    cluster.report(cluster.only().live_task_ids[0], TaskState.FAILED)


def test_an_instance_is_reserved_for_first_and_launched_as_a_group_on_what_is_offered_then(
    cluster: ResidentCluster,
) -> None:
    cluster.create_resident_pod()
    cluster.offer_all()
    assert cluster.operations() == [OperationType.RESERVE, OperationType.CREATE]
    assert cluster.only().condition is Condition.SCHEDULED
    assert not cluster.reserving.problems
    cluster.offer_all()
    assert cluster.operations()[2:] == [OperationType.LAUNCH_GROUP]
    assert cluster.only().condition is Condition.PROVISIONED


def test_all_that_executor_and_containers_use_is_reserved_with_the_volume(
    cluster: ResidentCluster,
) -> None:
    containers = [container("one", endpoints=[{"name": "web"}], **MOUNTS), container("two")]
    cluster.create_resident_pod(containers=containers)
    cluster.offer_all()
    reserved = cluster.reserving.reserved()
    assert reserved.scalars() == {"cpus": 300, "mem": 96_000, "disk": 522_000}
    labels = {kind.reservations[-1].labels for kind in reserved.amounts}
    assert labels == {
        (("marathon_framework_id", "framework"), ("marathon_task_id", cluster.only().id))
    }


def volumes_of(executor: ExecutorInfo) -> list[str]:
    found = [resource.disk for resource in executor.resources if resource.disk]
    return [disk.volume.container_path for disk in found if disk.volume and disk.persistence]


def test_the_executor_has_the_volume_and_the_containers_mount_it_from_there(
    running: ResidentCluster,
) -> None:
    group = group_of(running)
    assert volumes_of(group.executor) == ["data"]
    for task in group.task_group.tasks:
        assert all(resource.disk is None for resource in task.resources)
        assert task.container is not None
        (volume,) = task.container.volumes
        assert (volume.container_path, volume.mode) == ("here", VolumeMode.RW)
        assert volume.source is not None
        assert volume.source.sandbox_path == SandboxPathSource(type="PARENT", path="data")


def test_a_container_may_mount_it_read_only_and_another_not_at_all(
    cluster: ResidentCluster,
) -> None:
    mount = {"name": "data", "mountPath": "/data", "readOnly": True}
    containers = [container("one", volumeMounts=[mount]), container("two")]
    cluster.create_resident_pod(containers=containers)
    cluster.run()
    one, two = (task.container for task in group_of(cluster).task_group.tasks)
    assert one is not None
    assert two is not None
    assert [volume.mode for volume in one.volumes] == [VolumeMode.RO]
    assert two.volumes == []


def test_the_volume_is_named_after_the_pod_its_name_and_a_unique_id(
    running: ResidentCluster,
) -> None:
    (volume,) = running.reserving.volumes()
    name, path, unique = volume.split("#")
    assert (name, path, unique.startswith("id-")) == ("db", "data", True)


def test_an_instance_that_fails_is_launched_again_on_its_agent_with_its_volume(
    running: ResidentCluster,
) -> None:
    before, first = running.home(), running.only()
    fail(running)
    running.run()
    assert running.home() == before
    assert running.only().id == first.id
    assert running.only().live_task_ids == [f"{first.id}.one.2", f"{first.id}.two.2"]
    assert running.operations().count(OperationType.RESERVE) == 1


def test_an_instance_waits_until_its_executor_has_given_back_the_volume(
    running: ResidentCluster,
) -> None:
    home = running.home()[0]
    fail(running)
    running.report(running.only().live_task_ids[0], TaskState.KILLED)
    whole = running.reserving.free[home]
    volumes = whole.where(lambda kind: disks.persistence_id(kind) is not None)
    running.reserving.free[home] = whole - volumes
    running.pass_time(600)
    running.offer_all(2)
    assert running.only().condition is Condition.SCHEDULED
    running.reserving.free[home] = whole
    running.offer_all()
    assert running.only().condition is Condition.PROVISIONED


def test_an_unreachable_instance_is_not_replaced(running: ResidentCluster) -> None:
    for task_id in running.only().live_task_ids:
        running.report(task_id, TaskState.UNREACHABLE)
    running.pass_time(7 * 24 * 3600)
    assert running.only().condition is Condition.UNREACHABLE


def test_volumes_on_an_agent_that_is_gone_for_good_are_given_up(running: ResidentCluster) -> None:
    home = running.home()[0]
    for task_id in running.only().live_task_ids:
        running.report(task_id, TaskState.GONE_BY_OPERATOR)
    del running.reserving.free[home]
    running.run()
    assert running.only().condition is Condition.RUNNING
    assert running.home()[0] != home


def test_a_deleted_instance_is_launched_again_with_its_volume(running: ResidentCluster) -> None:
    before = running.home()
    running.ask(KillInstances([running.only().id]))
    running.run()
    assert running.home() == before
    assert running.only().incarnation == 2


def test_a_wiped_instance_loses_its_volume_and_is_replaced(running: ResidentCluster) -> None:
    before = running.home()[1]
    running.ask(KillInstances([running.only().id], wipes=True))
    running.run()
    running.offer_all(2)
    running.run()
    assert running.reserving.volumes().isdisjoint(before)
    assert running.only().condition is Condition.RUNNING
    assert {OperationType.DESTROY, OperationType.UNRESERVE} <= set(running.operations())
    assert not running.reserving.problems


def test_a_deleted_pod_gives_everything_back(running: ResidentCluster) -> None:
    running.ask(DeletePod("/db"))
    running.run()
    running.offer_all(2)
    assert not running.instances("/db")
    assert running.reserving.reserved() == Resources()
    assert running.reserving.volumes() == set()
    assert {free.scalar("cpus") for free in running.reserving.free.values()} == {8.0}
    assert running.master.is_suppressed


def test_what_an_executor_gives_back_later_is_freed_then(running: ResidentCluster) -> None:
    """A master may offer the tasks' part before the executor has ended."""
    home = running.home()[0]
    executor = from_wire(group_of(running).executor.resources)
    running.ask(DeletePod("/db"))
    for task_id in running.only().live_task_ids:
        running.report(task_id, TaskState.KILLED)
    running.reserving.free[home] = running.reserving.free[home] - executor
    running.pass_time(10)
    running.offer_all()
    assert running.reserving.reserved() == Resources()
    assert not running.master.is_suppressed
    running.reserving.free[home] = running.reserving.free[home] + executor
    running.offer_all()
    assert running.reserving.reserved() == Resources()
    assert running.reserving.volumes() == set()
    assert running.master.is_suppressed


def test_scaling_down_keeps_the_volume_and_scaling_up_takes_it_again(
    running: ResidentCluster,
) -> None:
    before = running.home()
    running.change_resident_pod({"scaling": {"kind": "fixed", "instances": 0}})
    running.run()
    assert running.only().is_suspended
    assert len(running.reserving.volumes()) == 1
    assert running.master.is_suppressed
    running.change_resident_pod({})
    running.run()
    assert running.home() == before


def test_an_update_ends_the_old_group_before_the_new_one_begins_on_its_volume(
    running: ResidentCluster,
) -> None:
    before, old = running.home(), set(running.only().live_task_ids)
    most = 0

    def count() -> None:
        nonlocal most
        most = max(most, len(running.master.executors))

    running.after_event = count
    running.change_resident_pod({"user": "me"})
    running.run()
    assert running.home() == before
    assert most == 1
    assert old.isdisjoint(running.only().live_task_ids)
    assert group_of(running).task_group.tasks[0].command.user == "me"  # type: ignore[union-attr]


def test_an_update_of_several_keeps_half_of_them_running(cluster: ResidentCluster) -> None:
    scaling = {"kind": "fixed", "instances": 4}
    cluster.create_resident_pod(scaling=scaling)
    cluster.run()
    volumes = cluster.reserving.volumes()
    lowest = 4

    def count() -> None:
        nonlocal lowest
        lowest = min(lowest, len(cluster.running("/db")))

    cluster.after_event = count
    cluster.change_resident_pod({"scaling": scaling, "user": "me"})
    cluster.run()
    assert lowest == 2
    assert cluster.reserving.volumes() == volumes
    assert len(cluster.running("/db")) == 4


def test_reservations_survive_a_restart(running: ResidentCluster) -> None:
    before = running.home()
    fail(running)
    running.restart()
    running.run()
    assert running.home() == before


def test_an_instance_waits_for_a_disk_of_the_type_that_it_asks_for(
    cluster: ResidentCluster,
) -> None:
    cluster.create_resident_pod(
        volumes=[{"name": "data", "persistent": {"size": 10, "type": "mount"}}]
    )
    cluster.offer_all()
    assert cluster.operations() == []  # no agent has one
    assert "disk" in cluster.marathon.launcher.stats["/db"].sentence().lower()
