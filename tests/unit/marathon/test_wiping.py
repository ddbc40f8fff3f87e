"""Apps with persistent volumes: what cannot change, and how volumes go."""

import pytest
from tests.unit.marathon.cluster import update
from tests.unit.marathon.reserving import ResidentCluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import ChangeApps, DeleteApp, KillInstances
from orchestrator.marathon.core.refusals import InvalidObject
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import OperationType


@pytest.fixture
def running() -> ResidentCluster:
    return ResidentCluster.running_one()


def test_a_wiped_instance_loses_its_volume_and_is_replaced(running: ResidentCluster) -> None:
    before = running.home()[1]
    running.ask(KillInstances([running.only().id], wipes=True))
    running.run()
    running.offer_all(2)
    running.run()
    assert running.reserving.volumes().isdisjoint(before)
    assert running.only().condition is Condition.RUNNING
    assert {OperationType.DESTROY, OperationType.UNRESERVE} <= set(running.operations())


def test_a_suspended_instance_can_be_wiped(running: ResidentCluster) -> None:
    running.change(id="/db", instances=0)
    running.run()
    running.ask(KillInstances([running.only().id], wipes=True))
    running.pass_time(1)
    assert not running.master.is_suppressed
    running.offer_all()
    assert not running.instances("/db")
    assert running.reserving.reserved() == Resources()
    assert running.master.is_suppressed


def test_a_deleted_app_gives_everything_back(running: ResidentCluster) -> None:
    whole = running.reserving.free | {}
    running.ask(DeleteApp("/db"))
    running.run()
    running.offer_all(2)
    assert not running.instances("/db")
    assert running.reserving.reserved() == Resources()
    assert running.reserving.volumes() == set()
    assert {free.scalar("cpus") for free in running.reserving.free.values()} == {8.0}
    assert whole
    assert not running.reserving.problems


def test_a_deleted_app_gives_back_what_it_had_suspended(running: ResidentCluster) -> None:
    running.change(id="/db", instances=0)
    running.run()
    running.ask(DeleteApp("/db"))
    running.run()
    running.offer_all()
    assert running.reserving.reserved() == Resources()


def test_what_was_wiped_before_a_restart_is_freed_after_it(running: ResidentCluster) -> None:
    running.change(id="/db", instances=0)
    running.run()
    running.ask(KillInstances([running.only().id], wipes=True))
    running.restart()
    running.offer_all()
    assert running.reserving.reserved() == Resources()


@pytest.mark.parametrize(
    ("fields", "path", "error"),
    [
        ({"cpus": 2}, "/cpus", "may not change resource requirements"),
        ({"mem": 1}, "/mem", "may not change resource requirements"),
        ({"disk": 1}, "/disk", "may not change resource requirements"),
        ({"requirePorts": True}, "/requirePorts", "may not change resource requirements"),
        ({"container": {"type": "MESOS"}}, "/", "Persistent volumes can not be changed!"),
        (
            {"upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}},
            "/upgradeStrategy/maximumOverCapacity",
            "got 1.0, expected 0.0",
        ),
        (
            {"unreachableStrategy": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2}},
            "/",
            "unreachableStrategy must be disabled for resident tasks",
        ),
    ],
)
def test_what_is_reserved_cannot_change(
    running: ResidentCluster, fields: dict[str, object], path: str, error: str
) -> None:
    with pytest.raises(InvalidObject) as refusal:
        running.ask(ChangeApps([update(id="/db", **fields)]))
    assert any(v.path == path and error in v.error for v in refusal.value.violations)
