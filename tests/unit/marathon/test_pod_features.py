"""Secrets, GPUs and unlimited resources of pods: what is refused, and what Mesos is told."""

import math

import pytest
from tests.unit.marathon.cluster import Cluster, container, pod
from tests.unit.marathon.test_task_groups import offer

from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import ALONE
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason
from orchestrator.marathon.core.pods import normalisation, task_group, validation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import InvalidObject
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import EnvironmentVariable, Secret, TaskInfo, VolumeMode

ALL = frozenset({"secrets", "gpu_resources"})
SECRETS = {"password": {"source": "db/password"}}
SECRETS_OFF = "Feature secrets is not enabled. Enable with --enable_features secrets)"
GPUS_OFF = "Feature gpu_resources is not enabled. Enable with --enable_features gpu_resources)"
VARIABLES_OFF = (
    "use of secret-references in the environment requires the secrets feature to be enabled"
)
REFERENCE = {"secret": "password"}
PRIVATE = {"kind": "DOCKER", "id": "private", "pullConfig": REFERENCE}
FILE = {"name": "file", "secret": "password"}
MOUNT = {"name": "file", "mountPath": "etc/password"}
LARGE = Resources.of(cpus=8, mem=4096, disk=4096)


def definition(**fields: object) -> Pod:
    asked = pod(**({"id": "/p"} | fields))
    validation.check(asked, "*", ALL)
    return normalisation.canonical(asked, "*").stamped("v", None)


def tasks(of: Pod, on: Resources = LARGE) -> dict[str, TaskInfo]:
    match = OpenOffer(offer(on)).match(of, ALONE, "seed")
    assert isinstance(match, Match)
    group = task_group.build(of, Instance.scheduled(of, "uuid", 0.0), offer(on), match, "*")
    return {task.name: task for task in group.task_group.tasks}


def violations(features: frozenset[str], **fields: object) -> dict[str, str]:
    with pytest.raises(InvalidObject) as refusal:
        validation.check(pod(**({"id": "/p"} | fields)), "*", features)
    return {violation.path: violation.error for violation in refusal.value.violations}


def source(of: Secret | None) -> str:
    assert of is not None
    assert of.reference is not None
    assert of.type == "REFERENCE"
    return of.reference.name


def variables(info: TaskInfo) -> dict[str, EnvironmentVariable]:
    assert info.command is not None
    assert info.command.environment is not None
    found = info.command.environment.variables
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def test_a_secret_of_the_pod_reaches_all_containers_as_a_reference() -> None:
    for task in tasks(definition(secrets=SECRETS, environment={"PASSWORD": REFERENCE})).values():
        variable = variables(task)["PASSWORD"]
        assert (variable.type, variable.value) == ("SECRET", None)
        assert source(variable.secret) == "db/password"


def test_a_container_may_make_a_secret_of_the_pods_text_and_text_of_its_secret() -> None:
    found = tasks(
        definition(
            secrets=SECRETS,
            environment={"A": "text", "B": REFERENCE},
            containers=[container("one", environment={"A": REFERENCE, "B": "own"})],
        )
    )
    by_name = variables(found["one"])
    assert (by_name["A"].type, by_name["A"].value) == ("SECRET", None)
    assert (by_name["B"].secret, by_name["B"].value) == (None, "own")


def test_a_secret_volume_is_a_file_where_containers_mount_it_and_only_there() -> None:
    found = tasks(
        definition(
            secrets=SECRETS,
            volumes=[FILE],
            containers=[container("one", volumeMounts=[MOUNT]), container("two")],
        )
    )
    one, two = found["one"].container, found["two"].container
    assert one is not None
    assert two is not None
    (volume,) = one.volumes
    assert (volume.container_path, volume.mode) == ("etc/password", VolumeMode.RO)
    assert (volume.host_path, two.volumes) == (None, [])
    assert volume.source is not None
    assert (volume.source.type, source(volume.source.secret)) == ("SECRET", "db/password")


def test_an_image_is_pulled_with_its_secret() -> None:
    (task,) = tasks(
        definition(secrets=SECRETS, containers=[container("a", image=PRIVATE)])
    ).values()
    assert task.container is not None
    assert task.container.mesos is not None
    image = task.container.mesos.image
    assert image is not None
    assert image.docker is not None
    assert (image.docker.name, image.cached) == ("private", True)
    assert source(image.docker.config) == "db/password"


def test_unlimited_travels_as_infinity() -> None:
    limits = {"mem": "unlimited", "cpus": 4}
    task = tasks(definition(containers=[container("one", resourceLimits=limits)]))["one"]
    assert {name: limit.value for name, limit in task.limits.items()} == {
        "mem": math.inf,
        "cpus": 4,
    }
    assert b'"Infinity"' in codec.encode(task)


def test_unlimited_needs_no_feature_but_cgroups_of_the_containers_own() -> None:
    containers = [container("one", resourceLimits={"cpus": "unlimited"})]
    validation.check(pod(id="/p", containers=containers), "*")
    found = violations(ALL, containers=containers, legacySharedCgroups=True)
    assert list(found) == ["/containers(0)/resourceLimits"]


def with_gpus(*counts: int) -> list[dict[str, object]]:
    size = {"cpus": 0.1, "mem": 32}
    return [container(f"c{n}", resources=size | {"gpus": n}) for n in counts]


def test_each_container_gets_its_own_gpus() -> None:
    found = tasks(definition(containers=with_gpus(0, 1, 2)), LARGE + Resources.of(gpus=4))
    shares = {name: from_wire(task.resources).scalar("gpus") for name, task in found.items()}
    assert shares == {"c0": 0, "c1": 1, "c2": 2}
    assert variables(found["c2"])["MARATHON_CONTAINER_RESOURCE_GPUS"].value == "2"


def test_agents_with_gpus_are_kept_for_pods_that_use_gpus() -> None:
    few = OpenOffer(offer(LARGE + Resources.of(gpus=2)))
    assert few.match(definition(), ALONE, "s") is Reason.DECLINED_SCARCE_RESOURCES
    labelled = definition(labels={"GPU_SCHEDULING_BEHAVIOR": "unrestricted"})
    assert isinstance(few.match(labelled, ALONE, "s"), Match)
    assert isinstance(few.match(definition(containers=with_gpus(1, 0)), ALONE, "s"), Match)
    greedy = definition(containers=with_gpus(1, 2))
    assert few.match(greedy, ALONE, "s") is Reason.INSUFFICIENT_GPUS


FEATURES_OFF: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {}),
    ({"environment": {"A": REFERENCE}}, {"/environment": VARIABLES_OFF}),
    ({"volumes": [FILE], "containers": [container("a", volumeMounts=[MOUNT])]},
     {"/volumes": SECRETS_OFF}),
    ({"containers": [container("a", environment={"A": REFERENCE})]},
     {"/containers(0)/environment": VARIABLES_OFF}),
    ({"containers": [container("a", image=PRIVATE)]},
     {"/containers(0)/image/pullConfig": SECRETS_OFF}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), FEATURES_OFF)
def test_secrets_are_refused_wherever_they_are_used_while_the_feature_is_off(
    fields: dict[str, object], expected: dict[str, str]
) -> None:
    found = violations(frozenset(), secrets=SECRETS, **fields)
    assert found == {"/secrets": SECRETS_OFF} | expected


def test_gpus_are_refused_while_their_feature_is_off() -> None:
    found = violations(frozenset({"secrets"}), containers=with_gpus(0, 1))
    assert found == {"/containers(1)/resources/gpus": GPUS_OFF}


UNDEFINED: list[tuple[dict[str, object], str, str]] = [
    ({"environment": {"A": REFERENCE}},
     "/environment/A/secret", "references an undefined secret"),
    ({"containers": [container("a", environment={"A": REFERENCE})]},
     "/containers(0)/environment/A/secret", "references an undefined secret"),
    ({"containers": [container("a", image=PRIVATE)]},
     "/containers(0)/image/pullConfig", "pullConfig.secret must refer to an existing secret"),
    ({"volumes": [FILE], "containers": [container("a", volumeMounts=[MOUNT])]},
     "/volumes(0)/secret", "volume.secret must refer to an existing secret"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "path", "words"), UNDEFINED)
def test_a_secret_that_the_pod_does_not_define_is_refused_with_the_place(
    fields: dict[str, object], path: str, words: str
) -> None:
    assert violations(ALL, secrets={"other": {"source": "x"}}, **fields) == {path: words}


def test_a_secret_needs_a_source() -> None:
    assert violations(ALL, secrets={"s": {"source": ""}}) == {
        "/secrets/s/source": "must not be empty"
    }


def test_marathon_takes_pods_with_secrets_where_the_feature_is_on() -> None:
    cluster = Cluster(Settings(user="nobody", features=ALL), agents=1)
    cluster.create_pod(id="/p", secrets=SECRETS, environment={"A": REFERENCE})
    cluster.hear(cluster.master.offer())
    assert [task.info.name for task in cluster.master.tasks.values()] == ["one", "two"]
    assert {variables(task.info)["A"].type for task in cluster.master.tasks.values()} == {"SECRET"}
