"""The definition of an app: what users ask for, in canonical form.

Deprecated spellings (``uris``, ``ports``, ``container.docker.network`` ...) end in
``normalisation``; behind it there is only this. It is also how an app is stored and shown, because
Marathon shows apps in exactly this form; what it is made of is in ``app_parts``.
"""

from __future__ import annotations

import msgspec

from orchestrator.marathon.core.apps.app_parts import (
    RANDOM_PORT,
    Artifact,
    Check,
    Container,
    Count,
    HealthCheck,
    KillSelection,
    Network,
    NetworkMode,
    Part,
    PortDefinition,
    PortMapping,
    ReadinessCheck,
    ResourceLimits,
    Seconds,
    UnreachableEnabled,
    UnreachableStrategy,
    UpgradeStrategy,
    always,
)
from orchestrator.marathon.core.apps.app_volumes import (
    AppVolume,
    ExecutorResources,
    Residency,
    SecretReference,
    SecretSource,
)


class VersionInfo(Part):
    """When the app was last scaled, and when its configuration last changed."""

    last_scaling_at: str
    last_config_change_at: str


class App(Part):
    """An app. Amounts: cpus in cores, mem and disk in MiB."""

    id: str
    cmd: str | None = None
    args: list[str] = []
    user: str | None = None
    env: dict[str, str | SecretReference] = {}
    instances: Count = always(default=1)
    cpus: float = always(default=1.0)
    mem: float = always(default=128.0)
    disk: float = always(default=0.0)
    gpus: int = always(default=0)
    executor: str = always(default="")
    executor_resources: ExecutorResources | None = None
    constraints: list[list[str]] = []
    fetch: list[Artifact] = []
    container: Container | None = None
    networks: list[Network] = always(default=[Network(mode=NetworkMode.HOST)])
    port_definitions: list[PortDefinition] | None = None
    require_ports: bool = always(default=False)
    health_checks: list[HealthCheck] = []
    readiness_checks: list[ReadinessCheck] = []
    check: Check | None = None
    backoff_seconds: Seconds = always(default=1)
    backoff_factor: float = always(default=1.15)
    max_launch_delay_seconds: Seconds = always(default=300)
    task_kill_grace_period_seconds: Seconds | None = None
    upgrade_strategy: UpgradeStrategy = always(default=UpgradeStrategy())
    kill_selection: KillSelection = always(default=KillSelection.YOUNGEST_FIRST)
    unreachable_strategy: UnreachableStrategy = always(default=UnreachableEnabled())
    dependencies: list[str] = []
    labels: dict[str, str] = always(default={})
    accepted_resource_roles: list[str] = []
    role: str = always(default="*")
    resource_limits: ResourceLimits | None = None
    secrets: dict[str, SecretSource] = {}
    residency: Residency | None = None
    tty: bool | None = None
    version: str = ""
    version_info: VersionInfo = VersionInfo(last_scaling_at="", last_config_change_at="")

    @property
    def config_version(self) -> str:
        """The version at which anything but the number of instances last changed."""
        return self.version_info.last_config_change_at

    @property
    def uses_host_network(self) -> bool:
        """Whether tasks share the host's network and ports."""
        return all(network.mode is NetworkMode.HOST for network in self.networks)

    @property
    def persistent_volumes(self) -> list[AppVolume]:
        """The volumes that outlive its tasks."""
        volumes = self.container.volumes if self.container else []
        return [volume for volume in volumes if volume.persistent is not None]

    @property
    def is_resident(self) -> bool:
        """Whether its instances stay where their volumes are."""
        return bool(self.persistent_volumes)

    @property
    def has_custom_executor(self) -> bool:
        """Whether its tasks are run by an executor of their own, given as a path."""
        return self.executor not in ("", "//cmd")

    @property
    def port_mappings(self) -> list[PortMapping]:
        """The container's port mappings, none on the host network."""
        return (self.container.port_mappings if self.container else None) or []

    @property
    def service_ports(self) -> list[int]:
        """One service port per port of the app, in order."""
        if self.uses_host_network:
            return [definition.port for definition in self.port_definitions or []]
        return [mapping.service_port for mapping in self.port_mappings]

    @property
    def host_ports(self) -> list[int | None]:
        """Per port: a number that must be had, 0 for any, None where no host port is wanted."""
        if not self.uses_host_network:
            return [mapping.host_port for mapping in self.port_mappings]
        ports = [definition.port for definition in self.port_definitions or []]
        return list(ports) if self.require_ports else [RANDOM_PORT] * len(ports)

    def configuration(self) -> App:
        """The app without what may change and leave its tasks alone."""
        nothing = VersionInfo(last_scaling_at="", last_config_change_at="")
        return msgspec.structs.replace(self, instances=0, version="", version_info=nothing)

    def is_upgrade_of(self, old: App) -> bool:
        """Whether running instances of the old definition have to be replaced."""
        return self.configuration() != old.configuration()

    def stamped(self, version: str, old: App | None) -> App:
        """This app as a new version, after ``old``."""
        if old is None or self.is_upgrade_of(old):
            info = VersionInfo(last_scaling_at=version, last_config_change_at=version)
        elif self.instances != old.instances:
            info = msgspec.structs.replace(old.version_info, last_scaling_at=version)
        else:
            return old
        return msgspec.structs.replace(self, version=version, version_info=info)

    def restarted(self, version: str) -> App:
        """The same app as a new version whose instances all have to be new."""
        info = VersionInfo(last_scaling_at=version, last_config_change_at=version)
        return msgspec.structs.replace(self, version=version, version_info=info)
