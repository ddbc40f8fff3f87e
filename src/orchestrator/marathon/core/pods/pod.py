"""The definition of a pod: containers that are placed, started and ended together.

The canonical form is also what clients see and what is stored, but for ``config_version``, which
Marathon's API does not show (``shown``). What the rest of the core asks of an app it can ask of a
pod by the same names; see ``run_spec``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from orchestrator.marathon.core.apps.app_parts import (
    KillSelection,
    Network,
    NetworkMode,
    Part,
    ReadinessCheck,
    UnreachableEnabled,
    UnreachableStrategy,
    UpgradeStrategy,
    always,
)
from orchestrator.marathon.core.apps.app_volumes import AppVolume, SecretSource
from orchestrator.marathon.core.pods.parts import (
    Endpoint,
    EnvValue,
    ExecutorResources,
    PodContainer,
    PodHealthCheck,
    PodLinuxInfo,
    PodVolume,
)
from orchestrator.marathon.core.pods.scheduling import Scaling, ScalingKind, Scheduling
from orchestrator.mesos.resources import MILLI, to_milli


class Pod(Part, kw_only=True):
    """A pod."""

    id: str
    labels: dict[str, str] = {}
    version: str = ""
    user: str | None = None
    environment: dict[str, EnvValue] = {}
    containers: Annotated[list[PodContainer], Meta(min_length=1)]
    secrets: dict[str, SecretSource] = {}
    volumes: list[PodVolume] = []
    networks: list[Network] = []
    scaling: Scaling = always(default=Scaling(kind=ScalingKind.FIXED))
    scheduling: Scheduling = always(default=Scheduling())
    executor_resources: ExecutorResources = always(default=ExecutorResources())
    role: str = ""
    linux_info: PodLinuxInfo | None = None
    legacy_shared_cgroups: bool | None = None
    config_version: str = ""  # at which anything but the number of instances last changed

    # What an app says in fields of its own:

    @property
    def instances(self) -> int:
        """How many instances are wanted."""
        return self.scaling.instances

    @property
    def upgrade_strategy(self) -> UpgradeStrategy:
        """How many instances may be missing or extra during an update."""
        return self.scheduling.upgrade or UpgradeStrategy()

    @property
    def kill_selection(self) -> KillSelection:
        """Which instances go first."""
        return self.scheduling.kill_selection

    @property
    def unreachable_strategy(self) -> UnreachableStrategy:
        """When an unreachable instance is replaced."""
        return self.scheduling.unreachable_strategy or UnreachableEnabled()

    @property
    def backoff_seconds(self) -> float:
        """The delay after a first failure."""
        return self.scheduling.backoff.backoff

    @property
    def backoff_factor(self) -> float:
        """What each further failure multiplies the delay by."""
        return self.scheduling.backoff.backoff_factor

    @property
    def max_launch_delay_seconds(self) -> float:
        """The longest delay."""
        return self.scheduling.backoff.max_launch_delay

    @property
    def dependencies(self) -> list[str]:
        """Pods wait for nobody."""
        return []

    @property
    def constraints(self) -> list[list[str]]:
        """The constraints in the form that apps have."""
        return [
            [one.field_name, one.operator.value, *([] if one.value is None else [one.value])]
            for one in self.scheduling.placement.constraints
        ]

    @property
    def accepted_resource_roles(self) -> list[str]:
        """The roles whose resources may be used; all, if there are none."""
        return self.scheduling.placement.accepted_resource_roles

    @property
    def health_checks(self) -> list[PodHealthCheck]:
        """The health checks of all containers."""
        return [one.health_check for one in self.containers if one.health_check is not None]

    @property
    def readiness_checks(self) -> list[ReadinessCheck]:
        """None: Marathon's pods have no such checks."""
        return []

    @property
    def is_resident(self) -> bool:
        """Whether its instances stay with their volumes."""
        return any(volume.persistent is not None for volume in self.volumes)

    @property
    def persistent_volumes(self) -> list[AppVolume]:
        """Its persistent volumes in the form that apps have; their path is their name.

        Mesos mounts them into the executor's sandbox, where the containers find them.
        """
        return [
            AppVolume(container_path=one.name, mode="RW", persistent=one.persistent)
            for one in self.volumes
            if one.persistent is not None
        ]

    @property
    def has_custom_executor(self) -> bool:
        """The default executor's share is in the sums below."""
        return False

    @property
    def uses_host_network(self) -> bool:
        """Whether processes listen on the host's own ports."""
        return all(network.mode is NetworkMode.HOST for network in self.networks)

    @property
    def host_ports(self) -> list[int | None]:
        """Per endpoint: a number that must be had, 0 for any, None where none is wanted."""
        return [endpoint.host_port for endpoint in self.endpoints]

    @property
    def service_ports(self) -> list[int]:
        """Pods have none."""
        return []

    # Sums over the executor and all containers:

    @property
    def cpus(self) -> float:
        """Cores of one instance."""
        return _sum([self.executor_resources.cpus, *(c.resources.cpus for c in self.containers)])

    @property
    def mem(self) -> float:
        """MiB of memory of one instance."""
        return _sum([self.executor_resources.mem, *(c.resources.mem for c in self.containers)])

    @property
    def disk(self) -> float:
        """MiB of disk of one instance."""
        return _sum([self.executor_resources.disk, *(c.resources.disk for c in self.containers)])

    @property
    def gpus(self) -> int:
        """GPUs of one instance."""
        return sum(container.resources.gpus for container in self.containers)

    @property
    def endpoints(self) -> list[Endpoint]:
        """The endpoints of all containers, in order."""
        return [endpoint for container in self.containers for endpoint in container.endpoints]

    def variables(self, container: PodContainer) -> dict[str, EnvValue]:
        """What the pod and one of its containers ask for; the container has the last word."""
        return self.environment | container.environment

    def container(self, name: str) -> PodContainer | None:
        """A container by its name."""
        return next((one for one in self.containers if one.name == name), None)

    def shown(self) -> Pod:
        """The pod as clients see it."""
        return replace(self, config_version="")

    def configuration(self) -> Pod:
        """The pod without what may change and leave its tasks alone."""
        return replace(self, scaling=Scaling(kind=ScalingKind.FIXED), version="", config_version="")

    def stamped(self, version: str, old: Pod | None) -> Pod:
        """This pod as a new version, after ``old``."""
        if old is None or self.configuration() != old.configuration():
            return replace(self, version=version, config_version=version)
        if self.scaling == old.scaling:
            return old
        return replace(self, version=version, config_version=old.config_version)


def _sum(amounts: Iterable[float]) -> float:
    """The sum as Mesos counts it, in thousandths."""
    return sum(map(to_milli, amounts)) / MILLI
