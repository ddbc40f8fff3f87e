"""What makes a pod one that can run: rules over the pod that a client sent.

Each rule yields violations, in Marathon's words where it has them. Source: PodsValidation.scala and
NetworkValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps import residency as app_residency
from orchestrator.marathon.core.apps.app_parts import NetworkMode, UnreachableEnabled
from orchestrator.marathon.core.apps.validation import MAX_INSTANCES, Violations
from orchestrator.marathon.core.placement import constraints
from orchestrator.marathon.core.pods import feature_rules, residency
from orchestrator.marathon.core.pods.container_validation import check_container
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import InvalidObject, Violation

MAX_CONTAINERS = 1_000  # as many tasks as a master takes in one group
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,253}")
_BAD_VARIABLE = (
    "must contain only alphanumeric chars or underscore, must not begin with a number, "
    "and must be 254 chars or less"
)


def check(pod: Pod, roles: Sequence[str], features: Collection[str] = ()) -> None:
    """Refuse a pod that breaks a rule or uses a feature that is off. Raises InvalidObject.

    ``roles`` are those it may have; ``features`` those that are on.
    """
    found = [violation for rule in _RULES for violation in rule(pod)]
    found += feature_rules.problems(pod, features)
    found += residency.problems(pod, pod.role or roles[0])
    if pod.role not in ("", *roles):
        found.append(Violation("/role", f"is not one of ({', '.join(roles)})"))
    role = pod.role or roles[0]
    if not set(pod.accepted_resource_roles) <= {"*", role}:
        error = f"acceptedResourceRoles can only contain * and {role}"
        found.append(Violation("/acceptedResourceRoles", error))
    if found:
        raise InvalidObject(found)


def check_change(old: Pod, new: Pod, *, force: bool) -> None:
    """Refuse what cannot change about a pod that has reservations. Raises InvalidObject."""
    found = [*residency.changes(old, new), *app_residency.role_change(old, new, force=force)]
    if found:
        raise InvalidObject(found)


def _id(pod: Pod) -> Violations:
    if not pod.id.startswith("/"):
        yield Violation("/id", "Path needs to be absolute")
    yield from (Violation("/id", error) for error in ids.problems(ids.canonical(pod.id)))


def _user(pod: Pod) -> Violations:
    if pod.user == "":
        yield Violation("/user", "must not be empty")


def _environment(pod: Pod) -> Violations:
    places = [("/environment", pod.environment)]
    places += [
        (f"/containers({index})/environment", container.environment)
        for index, container in enumerate(pod.containers)
    ]
    for where, variables in places:
        for name, value in variables.items():
            if not _VARIABLE.fullmatch(name):
                yield Violation(where, _BAD_VARIABLE)
            if isinstance(value, str) and "\0" in value:
                yield Violation(f"{where}/{name}", "must be a value that a process can have")


def _volumes(pod: Pod) -> Violations:
    mounted = {mount.name for container in pod.containers for mount in container.volume_mounts}
    for index, volume in enumerate(pod.volumes):
        kinds = (volume.host, volume.persistent, volume.secret)
        if sum(kind is not None for kind in kinds) > 1:
            yield Violation(f"/volumes({index})", "must be of one kind only")
        if volume.name not in mounted:
            error = "volume must be referenced by at least one container"
            yield Violation(f"/volumes({index})", error)
    if not _are_unique(volume.name for volume in pod.volumes):
        yield Violation("/volumes", "volume names must be unique")


def _containers(pod: Pod) -> Violations:
    if len(pod.containers) > MAX_CONTAINERS:
        yield Violation("/containers", f"must not be more than {MAX_CONTAINERS}")
    for index, container in enumerate(pod.containers):
        yield from check_container(pod, container, f"/containers({index})")
    if not _are_unique(container.name for container in pod.containers):
        yield Violation("/containers", "container names must be unique")


def _endpoints(pod: Pod) -> Violations:
    if not _are_unique(endpoint.name for endpoint in pod.endpoints):
        yield Violation("/", "endpoint names must be unique across all containers")
    if not _are_unique(port for one in pod.endpoints if (port := one.container_port)):
        yield Violation("/", "container ports must be unique across all containers")
    if not _are_unique(port for one in pod.endpoints if (port := one.host_port)):
        yield Violation("/", "host ports must be unique across all containers")


def _networks(pod: Pod) -> Violations:
    modes = Counter(network.mode for network in pod.networks)
    for network in pod.networks:
        if network.mode is NetworkMode.HOST and (network.name or network.labels):
            yield Violation("/networks", "Host networks may not have names or labels")
        if network.mode is NetworkMode.BRIDGE and network.name:
            yield Violation("/networks", "Bridge networks may not have names")
        if network.mode is NetworkMode.CONTAINER and not network.name:
            error = "Network name must be specified when container network is selected."
            yield Violation("/networks", error)
    if not _are_unique(network.name for network in pod.networks if network.name):
        yield Violation("/networks", "Duplicate networks are not allowed")
    if len(modes) > 1 or modes[NetworkMode.HOST] > 1 or modes[NetworkMode.BRIDGE] > 1:
        error = (
            "May specify a single host network, single bridge network, "
            "or else 1-to-n container networks"
        )
        yield Violation("/networks", error)


def _constraints(pod: Pod) -> Violations:
    for index, constraint in enumerate(pod.constraints):
        if error := constraints.problem(constraint):
            yield Violation(f"/scheduling/placement/constraints({index})", error)


def _instances(pod: Pod) -> Violations:
    if pod.instances > MAX_INSTANCES:
        yield Violation("/scaling/instances", f"must not be more than {MAX_INSTANCES}")


def _unreachable(pod: Pod) -> Violations:
    strategy = pod.unreachable_strategy
    if not isinstance(strategy, UnreachableEnabled):
        return
    if strategy.inactive_after_seconds > strategy.expunge_after_seconds:
        error = "inactiveAfterSeconds must be less than expungeAfterSeconds"
        yield Violation("/scheduling/unreachableStrategy", error)


def _are_unique(values: Iterable[object]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


_RULES: Sequence[Callable[[Pod], Violations]] = (
    _id, _user, _environment, _volumes, _containers, _endpoints, _networks, _constraints,
    _instances, _unreachable,
)  # fmt: skip
