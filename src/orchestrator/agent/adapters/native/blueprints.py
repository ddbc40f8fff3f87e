"""What a container is to be like: by the task's wishes, its image and the agent's policy."""

from __future__ import annotations

import platform
from pathlib import Path

from orchestrator.agent.adapters import environment
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.images.documents import Settings
from orchestrator.agent.adapters.native import (
    accounts,
    capabilities,
    devices,
    process,
    seccomp,
    spec,
    volumes,
)
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.given import Given, Policy
from orchestrator.agent.adapters.native.networks import Attachment
from orchestrator.agent.adapters.native.volumes import Kind, Mount
from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import LinuxInfo

MIB = 1024 * 1024
_TERMINAL = "xterm"  # what programs are told of a terminal that they are told nothing else of


class Blueprints:
    """Those of one agent, whose directory is given."""

    def __init__(self, directory: Path, around: Surroundings, policy: Policy, given: Given) -> None:
        self._directory = directory
        self._around = around
        self._policy = policy
        self._given = given

    def draw(
        self,
        container: Container,
        root: Path,
        settings: Settings,
        directory: Path,
        attachment: Attachment,
    ) -> spec.Wanted:
        """All of it but the account and the mounts' sources. Raises NativeError."""
        info, has_image = container.info, root != Path("/")
        linux = (info.linux_info if info is not None else None) or LinuxInfo()
        has_terminal = info is not None and info.tty_info is not None
        if container.parent_id is not None:
            process.check_sharing(linux)
        place = spec.SANDBOX if has_image else str(directory)
        policy = self._policy
        has = capabilities.of_task(linux, policy.capabilities)
        machine = platform.machine()
        has_own_ipc = process.has_own_ipc(linux, has_image=has_image)
        return spec.Wanted(
            root=str(root),
            sandbox=str(directory),
            argv=process.argv_of(container.command, settings),
            environment=({"TERM": _TERMINAL} if has_terminal else {})
            | self._environment(container, settings, place, directory),
            directory=process.directory_of(settings, place),
            account=accounts.ROOT,
            capabilities=has,
            cgroups_path=self._given.cgroups_path(container.id),
            seccomp=seccomp.of_task(linux, policy.seccomp, has.bounding, machine),
            rlimits=process.rlimits_of(info.rlimit_info if info else None),
            mounts=self._mounts(container, place, has_image=has_image),
            files=attachment.mounts if has_image or attachment.namespace else (),
            devices=[devices.look_up(one) for one in policy.devices],
            hostname=(info.hostname if info else None) or attachment.hostname,
            network=attachment.namespace,
            has_own_pids=not linux.share_pid_namespace,
            has_own_ipc=has_own_ipc,
            has_own_cgroups=has_image and self._given.has_cgroups_v2,
            shm_bytes=linux.shm_size * MIB if linux.shm_size else policy.shm_bytes,
            is_read_only=policy.is_read_only,
            no_new_privileges=policy.no_new_privileges,
            has_terminal=has_terminal,
        )

    def _mounts(self, container: Container, place: str, *, has_image: bool) -> list[Mount]:
        """What is asked for. Without an image the machine's files are there in any case."""
        asked = container.info.volumes if container.info is not None else ()
        mounts = volumes.of_task(
            asked, container.resources, place, str(self._directory), container.parent_volumes
        )
        for mount in mounts:
            if has_image and mount.kind is Kind.HOST:
                self._check(mount)
        return mounts

    def _check(self, mount: Mount) -> None:
        rights = self._policy.rights
        refusal = rights.refusal_of_volume(mount.source, read_only=mount.is_read_only)
        if refusal is None and mount.propagation == "rshared" and not rights.allow_privileged:
            refusal = "it is bidirectional, which needs --allow-privileged"
        if refusal is not None:
            raise NativeError(f"The volume '{mount.source}' is not mounted: {refusal}")

    def _environment(
        self, container: Container, settings: Settings, place: str, directory: Path
    ) -> dict[str, str]:
        mark = {wire.MARKER: f"{container.id}@{self._directory / 'supervisor'}"}
        if place == spec.SANDBOX:
            own = environment.of_docker(container, place, self._around)
            return process.environment_of(settings, own) | mark
        return environment.of_process(container, str(directory), self._around) | mark
