"""Rules over one container of a pod. Source: PodsValidation.scala of Marathon 1.11."""

from __future__ import annotations

from orchestrator.marathon.core.apps.app_parts import NetworkMode
from orchestrator.marathon.core.apps.validation import Violations
from orchestrator.marathon.core.pods.parts import Endpoint, PodCheck, PodCommand, PodContainer
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Violation


def check_container(pod: Pod, container: PodContainer, where: str) -> Violations:
    """What is wrong with a container; ``where`` is its path."""
    yield from _command(container, where)
    yield from _limits(pod, container, where)
    for index, endpoint in enumerate(container.endpoints):
        yield from _endpoint(pod, endpoint, f"{where}/endpoints({index})")
    yield from _volume_mounts(pod, container, where)
    if container.health_check is not None:
        yield from _health_check(container, f"{where}/healthCheck")
    if container.check is not None:
        yield from _kind_of_check(container, container.check, f"{where}/check")


def _command(container: PodContainer, where: str) -> Violations:
    if container.exec is None:
        if container.image is None:
            yield Violation(f"{where}/exec", "must be set where there is no image")
        return
    yield from _one_form(container.exec.command, f"{where}/exec/command")
    if container.exec.command.shell and container.exec.override_entrypoint is False:
        yield Violation(f"{where}/exec/overrideEntrypoint", "must not be false with a shell")


def _one_form(command: PodCommand, where: str) -> Violations:
    if (command.shell is None) is (command.argv is None):
        yield Violation(where, "specify either shell or argv, never both")
    if any("\0" in text for text in (command.shell or "", *(command.argv or []))):
        yield Violation(where, "must not contain a null character")


def _limits(pod: Pod, container: PodContainer, where: str) -> Violations:
    limits = container.resource_limits
    if limits is None:
        return
    if pod.legacy_shared_cgroups:
        error = "resourceLimits cannot be defined if legacySharedCgroups is enabled"
        yield Violation(f"{where}/resourceLimits", error)
    for name in ("cpus", "mem"):
        limit, request = getattr(limits, name), getattr(container.resources, name)
        if isinstance(limit, int | float) and limit < request:
            error = (
                f"resource limit must be greater than or equal to requested resource ({request})"
            )
            yield Violation(f"{where}/resourceLimits/{name}", error)


def _endpoint(pod: Pod, endpoint: Endpoint, where: str) -> Violations:
    modes = [network.mode for network in pod.networks]
    names = {network.name for network in pod.networks if network.name}
    if not set(endpoint.network_names) <= names:
        listed = ", ".join(sorted(names))
        yield Violation(f"{where}/networkNames", f"is not one of ({listed})")
    if NetworkMode.HOST in modes and endpoint.container_port is not None:
        yield Violation(f"{where}/containerPort", "is not allowed when using host-mode networking")
    if NetworkMode.CONTAINER in modes and endpoint.container_port is None:
        yield Violation(
            f"{where}/containerPort", "is required when using container-mode networking"
        )
    if len(set(endpoint.protocols)) != len(endpoint.protocols):
        error = "Duplicate protocols within the same endpoint are not allowed"
        yield Violation(f"{where}/protocol", error)
    is_ambiguous = modes.count(NetworkMode.CONTAINER) > 1 and len(endpoint.network_names) != 1
    if is_ambiguous and endpoint.host_port is not None:
        error = (
            "networkNames must be a single item list when hostPort is specified "
            "and more than 1 container network is defined"
        )
        yield Violation(where, error)


def _volume_mounts(pod: Pod, container: PodContainer, where: str) -> Violations:
    volumes = {volume.name for volume in pod.volumes}
    for index, mount in enumerate(container.volume_mounts):
        if mount.name not in volumes:
            error = "Referenced Volume in VolumeMount should exist"
            yield Violation(f"{where}/volumeMounts({index})/name", error)


def _health_check(container: PodContainer, where: str) -> Violations:
    wanted = container.health_check
    if wanted is None:
        return
    yield from _kind_of_check(container, wanted, where)
    if wanted.timeout_seconds >= wanted.interval_seconds:
        error = f"got {wanted.timeout_seconds}, expected less than {wanted.interval_seconds}"
        yield Violation(f"{where}/timeoutSeconds", error)


def _kind_of_check(container: PodContainer, wanted: PodCheck, where: str) -> Violations:
    if sum(kind is not None for kind in (wanted.http, wanted.tcp, wanted.exec)) != 1:
        yield Violation(where, "Only one of http, tcp, or command may be specified")
    names = {endpoint.name for endpoint in container.endpoints}
    for kind, asked in (("http", wanted.http), ("tcp", wanted.tcp)):
        if asked is not None and asked.endpoint not in names:
            error = "contained in the container endpoints"
            yield Violation(f"{where}/{kind}/endpoint", error)
    if wanted.exec is not None:
        yield from _one_form(wanted.exec.command, f"{where}/exec/command")
