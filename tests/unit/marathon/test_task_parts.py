"""What a task says of secrets, isolation, limits and its executor."""

import math
from typing import Any

from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import TaskInfo

SECRETS = {"password": {"source": "db/password"}}


def task(**fields: Any) -> TaskInfo:
    settings = Settings(user="nobody", features=frozenset({"secrets"}))
    cluster = Cluster(settings, agents=1)
    cluster.create(id="/a", cmd="run", **fields)
    cluster.hear(cluster.master.offer())
    (task,) = cluster.master.tasks.values()
    return task.info


def test_a_secret_variable_names_its_source_and_is_no_text() -> None:
    info = task(secrets=SECRETS, env={"PASSWORD": {"secret": "password"}, "PLAIN": "text"})
    assert info.command is not None
    assert info.command.environment is not None
    by_name = {variable.name: variable for variable in info.command.environment.variables}
    secret = by_name["PASSWORD"].secret
    assert by_name["PASSWORD"].type == "SECRET"
    assert by_name["PASSWORD"].value is None
    assert secret is not None
    assert secret.reference is not None
    assert (secret.type, secret.reference.name) == ("REFERENCE", "db/password")
    assert by_name["PLAIN"].value == "text"


def test_a_secret_volume_is_a_file_that_the_agent_makes() -> None:
    volumes = [{"containerPath": "etc/password", "secret": "password"}]
    info = task(secrets=SECRETS, container={"type": "MESOS", "volumes": volumes})
    assert info.container is not None
    (volume,) = info.container.volumes
    assert volume.source is not None
    assert volume.source.type == "SECRET"
    assert volume.source.secret is not None
    assert volume.source.secret.reference is not None
    assert volume.source.secret.reference.name == "db/password"


def test_an_image_can_be_pulled_with_a_secret() -> None:
    docker = {"image": "private", "pullConfig": {"secret": "password"}, "forcePullImage": True}
    info = task(secrets=SECRETS, container={"type": "MESOS", "docker": docker})
    assert info.container is not None
    assert info.container.mesos is not None
    image = info.container.mesos.image
    assert image is not None
    assert image.docker is not None
    assert image.docker.config is not None
    assert image.docker.config.reference is not None
    assert image.docker.config.reference.name == "db/password"
    assert image.cached is False


def test_linux_isolation_is_handed_on() -> None:
    linux = {
        "seccomp": {"profileName": "default.json"},
        "ipcInfo": {"mode": "PRIVATE", "shmSize": 16},
    }
    info = task(container={"type": "MESOS", "linuxInfo": linux})
    assert info.container is not None
    found = info.container.linux_info
    assert found is not None
    assert found.seccomp is not None
    assert (found.seccomp.profile_name, found.seccomp.unconfined) == ("default.json", False)
    assert (found.ipc_mode, found.shm_size) == ("PRIVATE", 16)


def test_unlimited_travels_as_infinity() -> None:
    info = task(resourceLimits={"mem": "unlimited", "cpus": 4})
    assert info.limits["mem"].value == math.inf
    assert info.limits["cpus"].value == 4
    assert b'"Infinity"' in codec.encode(info)


def test_a_custom_executor_is_a_program_with_the_command_as_arguments() -> None:
    info = task(executor="/bin/own", executorResources={"cpus": 0.5, "mem": 64, "disk": 10})
    assert (info.command, info.container) == (None, None)
    executor = info.executor
    assert executor is not None
    assert executor.executor_id.value == f"marathon-{info.task_id.value}"
    assert executor.command is not None
    assert executor.command.value == "chmod ug+rx '/bin/own' && exec '/bin/own' run"
    assert from_wire(executor.resources) == Resources.of(cpus=0.5, mem=64, disk=10)
    assert from_wire(info.resources).scalar("cpus") == 1


def test_the_command_executor_can_be_named() -> None:
    info = task(executor="//cmd")
    assert info.executor is None
    assert info.command is not None
    assert info.command.value == "run"
