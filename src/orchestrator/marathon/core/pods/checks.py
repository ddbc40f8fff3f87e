"""The checks that Mesos makes for a pod's containers."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.marathon.core.pods.parts import (
    PodCheck,
    PodCommand,
    PodHealthCheck,
    PodHttpCheck,
    PodTcpCheck,
)
from orchestrator.mesos.types import (
    CheckInfo,
    CommandCheck,
    CommandInfo,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)

Ports = Mapping[str, int]
"""Where the container listens, by the names of its endpoints."""


def health_check(wanted: PodHealthCheck | None, ports: Ports) -> HealthCheck | None:
    """The health check of a container."""
    if wanted is None:
        return None
    return HealthCheck(
        type=_kind(wanted),
        http=_http(wanted.http, ports),
        tcp=_tcp(wanted.tcp, ports),
        command=command(wanted.exec.command) if wanted.exec else None,
        delay_seconds=float(wanted.delay_seconds),
        interval_seconds=float(wanted.interval_seconds),
        timeout_seconds=float(wanted.timeout_seconds),
        consecutive_failures=wanted.max_consecutive_failures,
        grace_period_seconds=float(wanted.grace_period_seconds),
    )


def check_info(wanted: PodCheck | None, ports: Ports) -> CheckInfo | None:
    """The check of a container, whose result is only shown."""
    if wanted is None:
        return None
    return CheckInfo(
        type=_kind(wanted),
        http=_http(wanted.http, ports),
        tcp=_tcp(wanted.tcp, ports),
        command=CommandCheck(command=command(wanted.exec.command)) if wanted.exec else None,
        delay_seconds=float(wanted.delay_seconds),
        interval_seconds=float(wanted.interval_seconds),
        timeout_seconds=float(wanted.timeout_seconds),
    )


def command(wanted: PodCommand) -> CommandInfo:
    """A line for the shell, or a program with its arguments."""
    if wanted.shell is not None:
        return CommandInfo(value=wanted.shell)
    argv = wanted.argv or []
    return CommandInfo(shell=False, value=argv[0] if argv else None, arguments=argv)


def _kind(wanted: PodCheck) -> str:
    return "HTTP" if wanted.http else "TCP" if wanted.tcp else "COMMAND"


def _http(wanted: PodHttpCheck | None, ports: Ports) -> HTTPCheck | None:
    if wanted is None:
        return None
    port, scheme = ports.get(wanted.endpoint, 0), wanted.scheme.value.lower()
    return HTTPCheck(port=port, scheme=scheme, path=wanted.path)


def _tcp(wanted: PodTcpCheck | None, ports: Ports) -> TCPCheck | None:
    return TCPCheck(port=ports.get(wanted.endpoint, 0)) if wanted else None
