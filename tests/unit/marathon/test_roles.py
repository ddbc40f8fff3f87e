"""Apps of several roles: which the framework has, and in which it wants offers."""

from tests.unit.marathon.cluster import Cluster
from tests.unit.marathon.reserving import ReservingMaster, ResidentCluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import DeleteApp, KillInstances
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.scheduler import Call, CallType
from orchestrator.mesos.types import TaskState

TOO_LARGE = 1000


def cluster() -> Cluster:
    return Cluster(Settings(user="nobody", role="web"), master=ReservingMaster(role="dev"))


def updates(of: Cluster) -> list[Call]:
    return of.master.calls_of(CallType.UPDATE_FRAMEWORK)


def test_the_framework_gets_the_role_of_a_new_app_and_loses_it_with_its_last() -> None:
    marathon = cluster()
    assert not updates(marathon)
    marathon.create(id="/dev/a", cmd="x", role="dev")
    update = updates(marathon)[-1].update_framework
    assert update is not None
    assert update.framework_info.roles == ["dev", "web"]
    assert update.suppressed_roles == ["web"]
    marathon.run()
    marathon.ask(DeleteApp("/dev/a"))
    marathon.run()
    update = updates(marathon)[-1].update_framework
    assert update is not None
    assert update.framework_info.roles == ["web"]


def test_offers_are_wanted_in_the_role_of_what_waits_alone() -> None:
    marathon = cluster()
    marathon.create(id="/dev/a", cmd="x", role="dev")
    revive = marathon.master.calls_of(CallType.REVIVE)[-1].revive
    assert revive is not None
    assert revive.roles == ["dev"]
    marathon.run()
    suppress = marathon.master.calls_of(CallType.SUPPRESS)[-1].suppress
    assert suppress is not None
    assert suppress.roles == ["dev"]


def test_an_offer_is_for_apps_of_its_role() -> None:
    marathon = cluster()
    marathon.create(id="/web", cmd="x")
    marathon.create(id="/dev/a", cmd="x", role="dev")
    marathon.hear(marathon.master.offer())
    assert marathon.instances("/dev/a")[0].condition is Condition.PROVISIONED
    assert marathon.instances("/web")[0].condition is Condition.SCHEDULED
    assert marathon.marathon.launcher.stats["/web"].processed == 0


def test_a_new_subscription_has_all_roles() -> None:
    marathon = cluster()
    marathon.create(id="/dev/a", cmd="x", role="dev")
    marathon.restart()
    subscribe = marathon.marathon.subscription().subscribe
    assert subscribe is not None
    assert subscribe.framework_info.roles == ["dev", "web"]


def test_gpus_are_offered_to_a_framework_that_says_it_knows_them() -> None:
    def capabilities(features: frozenset[str]) -> set[str]:
        marathon = Cluster(Settings(user="nobody", features=features)).marathon
        subscribe = marathon.subscription().subscribe
        assert subscribe is not None
        return {capability.type for capability in subscribe.framework_info.capabilities}

    assert "GPU_RESOURCES" in capabilities(frozenset({"gpu_resources"}))
    assert "GPU_RESOURCES" not in capabilities(frozenset())


def test_an_instance_keeps_the_role_of_its_reservation() -> None:
    marathon = ResidentCluster()
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}
    container = {"type": "MESOS", "volumes": [volume]}
    marathon.create(id="/dev/db", cmd="x", container=container)
    marathon.run()
    marathon.change(id="/dev/db", role="dev", force=True)
    marathon.run()
    (instance,) = marathon.running("/dev/db")
    assert instance.reservation is not None
    assert instance.reservation.role == "web"
    assert marathon.marathon.launcher.demand.roles == ["dev", "web"]
    marathon.ask(KillInstances([instance.id], wipes=True))
    marathon.pass_time(1)
    assert marathon.marathon.launcher.demand.roles == ["dev", "web"]


def test_launch_tokens_bound_launches_until_the_interval_is_over() -> None:
    settings = Settings(user="nobody", launch_tokens=2, launch_token_refresh_interval_s=30)
    marathon = Cluster(settings)
    marathon.create(id="/a", cmd="x", cpus=0.1, instances=5)
    marathon.hear(marathon.master.offer())
    marathon.hear(marathon.master.offer())
    assert len(marathon.master.tasks) == 2
    assert marathon.master.calls_of(CallType.SUPPRESS)
    before = len(marathon.master.calls_of(CallType.REVIVE))
    marathon.pass_time(30)
    assert len(marathon.master.calls_of(CallType.REVIVE)) == before + 1
    marathon.hear(marathon.master.offer())
    assert len(marathon.master.tasks) == 4


def test_a_task_that_runs_gives_its_launch_token_back() -> None:
    settings = Settings(user="nobody", launch_tokens=1, launch_token_refresh_interval_s=3600)
    marathon = Cluster(settings)
    marathon.create(id="/a", cmd="x", cpus=0.1, instances=2)
    marathon.hear(marathon.master.offer())
    (task,) = marathon.master.tasks
    marathon.report(task, TaskState.RUNNING)
    marathon.pass_time(1)
    marathon.hear(marathon.master.offer())
    assert len(marathon.master.tasks) == 2


def test_a_task_that_mesos_confirmed_has_the_launch_timeout_to_run() -> None:
    settings = Settings(user="nobody", task_launch_confirm_timeout_s=10, task_launch_timeout_s=100)
    marathon = Cluster(settings)
    marathon.create(id="/a", cmd="x", instances=2)
    marathon.hear(marathon.master.offer())
    silent, confirmed = marathon.master.tasks.values()
    marathon.report(confirmed.id, TaskState.STARTING)
    marathon.pass_time(11)
    assert (silent.is_killed, confirmed.is_killed) == (True, False)
    marathon.pass_time(90)
    assert confirmed.is_killed
