"""Which tasks of the Mesos containerizer need a container of runc, and which are plain commands."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.mesos.types import ContainerInfo, LinuxInfo, Resource

_ONLY_CGROUPS = (None, LinuxInfo(share_cgroups=False), LinuxInfo(share_cgroups=True))
"""Marathon says of every container of a pod whether it shares cgroups; that needs no runc."""


def needs_container(info: ContainerInfo | None, resources: Sequence[Resource]) -> bool:
    """Whether anything is asked for that a process of the host's own does not have."""
    if any(one.disk is not None and one.disk.volume is not None for one in resources):
        return True
    if info is None:
        return False
    asked = (
        info.mesos is not None and info.mesos.image is not None,
        info.volumes,
        info.hostname,
        any(network.name for network in info.network_infos),
        info.linux_info not in _ONLY_CGROUPS,
        info.rlimit_info is not None and info.rlimit_info.rlimits,
    )
    return any(asked)
