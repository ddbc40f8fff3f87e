"""What a container is given besides its image: volumes, secrets, and Linux' own isolation.

Source: volumes.raml, secrets.raml and linux.raml of Marathon 1.11.
"""

from __future__ import annotations

from typing import Any, Literal

from orchestrator.marathon.core.part import Megabytes, Part, Text, always

DiskType = Literal["root", "path", "mount"]


class PersistentVolume(Part):
    """Disk that outlives the task: MiB of an agent's disk, reserved for one instance.

    ``path`` and ``mount`` are disks that the operator made besides the root disk; a mount is had
    as a whole, so ``max_size`` bounds what is taken.
    """

    size: Megabytes
    type: DiskType | None = None
    max_size: Megabytes | None = None
    profile_name: str | None = None
    constraints: list[list[str]] = always(default=[])

    @property
    def disk_type(self) -> DiskType:
        """Where the disk comes from; profiles are of mounts."""
        return self.type or ("mount" if self.profile_name else "root")


class AppVolume(Part):
    """A volume of a container; exactly one of host path and the other kinds is set."""

    container_path: Text
    host_path: Text | None = None
    mode: Literal["RO", "RW"] | None = None
    persistent: PersistentVolume | None = None
    external: dict[str, Any] | None = None  # of a provider, which no agent of ours has
    secret: str | None = None


class SecretReference(Part):
    """An environment variable whose value is a secret, by its name in the app's ``secrets``."""

    secret: Text


class SecretSource(Part):
    """Where a secret is: its name in the agents' store."""

    source: str


class Seccomp(Part):
    """The seccomp profile of a container."""

    profile_name: str | None = None
    unconfined: bool = always(default=False)


class IpcInfo(Part):
    """Whether a container has shared memory of its own, and how much (MiB)."""

    mode: Literal["PRIVATE", "SHARE_PARENT"]
    shm_size: Megabytes | None = None


class LinuxInfo(Part):
    """Linux' own means of isolation."""

    seccomp: Seccomp | None = None
    ipc_info: IpcInfo | None = None


class Residency(Part):
    """Old settings of apps with persistent volumes; shown, and without effect since 1.5."""

    relaunch_escalation_timeout_seconds: int = always(default=3600)
    task_lost_behavior: Literal["WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT"] = always(
        default="WAIT_FOREVER"
    )


class ExecutorResources(Part):
    """What a custom executor itself uses."""

    cpus: float = always(default=0.1)
    mem: float = always(default=32.0)
    disk: float = always(default=10.0)
