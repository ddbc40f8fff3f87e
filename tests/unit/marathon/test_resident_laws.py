"""Whatever happens in whatever order: an instance and its volumes belong together."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.marathon.reserving import ResidentCluster

from orchestrator.marathon.core.effects import DeleteApp, DeletePod, KillInstances, RestartApp
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import TaskState

STEPS = st.sampled_from(
    ["offer", "offer", "report", "report", "report", "fail", "lose", "kill", "wipe", "scale",
     "restart-app", "restart", "time"]
)  # fmt: skip


class Checked:
    """A cluster with an app or a pod that is looked at after every event."""

    def __init__(self, instances: int, *, is_pod: bool) -> None:
        self.is_pod = is_pod
        self.cluster = ResidentCluster(agents=2)
        self.homes: dict[str, str] = {}  # of volumes: the instance that had them first
        if is_pod:
            self.cluster.create_resident_pod(scaling=fixed(instances))
        else:
            self.cluster.create_resident(instances=instances, cpus=0.5)
        self.cluster.after_event = self.look

    def look(self) -> None:
        tasks = self.cluster.master.tasks.values()
        users = {task.executor or task.id: task for task in tasks}.values()
        used = [volume for task in users for volume in self.cluster.reserving.volumes_of(task)]
        assert len(used) == len(set(used)), "a volume in two tasks or groups"
        assert not self.cluster.reserving.problems
        for instance in self.cluster.instances("/db"):
            for volume in instance.reservation.volumes if instance.reservation else []:
                assert self.homes.setdefault(volume.persistence_id, instance.id) == instance.id

    def do(self, step: str, number: int) -> None:
        cluster = self.cluster
        instances = cluster.instances("/db")
        tasks = list(cluster.master.tasks.values())
        chosen = [instances[number % len(instances)].id] if instances else []
        match step:
            case "offer":
                cluster.offer_all()
            case "report":
                reports = [c for c in cluster.master.choices() if c[0] == "report"]
                if reports:
                    cluster.hear(cluster.master.do(reports[number % len(reports)]))
            case "fail" | "lose" if tasks:
                state = TaskState.FAILED if step == "fail" else TaskState.LOST
                cluster.report(tasks[number % len(tasks)].id, state)
            case "kill" | "wipe":
                cluster.ask(KillInstances(chosen, wipes=step == "wipe"))
            case "scale":
                self.scale(number % 4)
            case "restart-app" if self.is_pod:
                cluster.change_resident_pod(self.definition() | {"user": f"u{number}"}, force=True)
            case "restart-app":
                cluster.ask(RestartApp("/db", force=True))
            case "restart":
                cluster.restart()
            case "time":
                cluster.pass_time(number)
            case _:
                pass

    def scale(self, instances: int) -> None:
        if self.is_pod:
            self.cluster.change_resident_pod(
                self.definition() | {"scaling": fixed(instances)}, force=True
            )
        else:
            self.cluster.change(id="/db", instances=instances, force=True)

    def definition(self) -> dict[str, object]:
        """The pod as it is."""
        pod = self.cluster.marathon.state.pods["/db"]
        return dict(msgspec.to_builtins(pod.shown()))

    def settle(self) -> None:
        for _ in range(3):
            self.cluster.run()
            self.cluster.pass_time(310)
            self.cluster.offer_all(2)
        self.cluster.run()


def fixed(instances: int) -> dict[str, object]:
    return {"kind": "fixed", "instances": instances}


@settings(max_examples=100, deadline=None)
@given(
    st.booleans(), st.integers(1, 3), st.lists(st.tuples(STEPS, st.integers(0, 40)), max_size=40)
)
def test_volumes_stay_with_their_instances_and_nothing_is_left_behind(
    is_pod: bool, instances: int, steps: list[tuple[str, int]]
) -> None:
    checked = Checked(instances, is_pod=is_pod)
    for step, number in steps:
        checked.do(step, number)
    checked.settle()
    cluster = checked.cluster
    spec = cluster.marathon.state.spec("/db")
    assert spec is not None
    assert len(cluster.running("/db")) == spec.instances
    known = {v.persistence_id for i in cluster.instances("/db") if i.reservation
             for v in i.reservation.volumes}  # fmt: skip
    assert cluster.reserving.volumes() == known
    cluster.ask(DeletePod("/db", force=True) if is_pod else DeleteApp("/db"))
    checked.settle()
    assert cluster.reserving.volumes() == set()
    assert cluster.reserving.reserved() == Resources()
