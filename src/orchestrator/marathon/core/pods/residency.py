"""Pods with persistent volumes: what they are when little is said, and what cannot be or change.

Source: PodNormalization.scala, PodsValidation.scala and SchedulingValidation.scala of Marathon
1.11. Marathon does not look at the volumes themselves; here the rules of apps hold for them, as
what breaks them could never be launched.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from orchestrator.marathon.core.apps import volume_rules
from orchestrator.marathon.core.apps.residency import UPGRADE
from orchestrator.marathon.core.apps.roles import UNRESERVED
from orchestrator.marathon.core.pods.parts import PodVolume
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Violation

Violations = Iterator[Violation]


def settled(pod: Pod) -> Pod:
    """The pod with what follows from its volumes, where it does not say."""
    if not pod.is_resident:
        return pod
    scheduling = replace(
        pod.scheduling,
        upgrade=pod.scheduling.upgrade or UPGRADE,
        unreachable_strategy=pod.scheduling.unreachable_strategy or "disabled",
    )
    return replace(pod, scheduling=scheduling, volumes=[_with_type(one) for one in pod.volumes])


def _with_type(volume: PodVolume) -> PodVolume:
    wanted = volume.persistent
    return replace(volume, persistent=replace(wanted, type=wanted.disk_type)) if wanted else volume


def problems(pod: Pod, role: str) -> Violations:
    """What a resident pod, as a client sent it, cannot be; ``role`` is the one it will have."""
    for index, volume in enumerate(pod.volumes):
        if volume.persistent is not None:
            where = f"/volumes({index})/persistent"
            yield from volume_rules.persistent(where, volume.persistent)
    if not pod.is_resident:
        return
    if role == UNRESERVED:
        yield Violation("/role", f"Resident pods cannot have the role {UNRESERVED}")
    yield from _scheduling(pod)


def _scheduling(pod: Pod) -> Violations:
    accepted = set(pod.accepted_resource_roles)
    if accepted and accepted != {UNRESERVED}:
        error = 'A resident pod must have `acceptedResourceRoles = ["*"]`.'
        yield Violation("/acceptedResourceRoles", error)
    if pod.scheduling.unreachable_strategy not in (None, "disabled"):
        error = "unreachableStrategy must be disabled for pods with persistent volumes"
        yield Violation("/", error)
    upgrade = pod.scheduling.upgrade
    if upgrade is not None and upgrade.maximum_over_capacity:
        error = f"got {upgrade.maximum_over_capacity}, expected 0.0"
        yield Violation("/upgrade/maximumOverCapacity", error)


def changes(old: Pod, new: Pod) -> Violations:
    """What a change of a pod with reservations cannot do."""
    if not (old.is_resident or new.is_resident):
        return
    if _volumes(old) != _volumes(new):
        yield Violation("/", "persistent volumes cannot be updated")
    for name in ("cpus", "mem", "disk", "gpus"):
        if getattr(old, name) != getattr(new, name):
            yield Violation("/", f"{name} cannot be updated if a pod has persistent volumes")
    if not _has_ports_for(old, new):
        yield Violation("/", "host ports cannot be updated if a pod has persistent volumes")


def _volumes(pod: Pod) -> dict[str, PodVolume]:
    return {volume.name: volume for volume in pod.volumes if volume.persistent is not None}


def _has_ports_for(old: Pod, new: Pod) -> bool:
    """Marathon compares the ports as sets; one more for which none is reserved is too many, too."""
    before, after = ([port for port in pod.host_ports if port is not None] for pod in (old, new))
    return set(before) == set(after) and len(after) <= len(before)
