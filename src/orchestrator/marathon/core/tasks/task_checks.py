"""The checks that Mesos makes for an app's tasks."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    HealthProtocol,
)
from orchestrator.marathon.core.health.book import agents_check
from orchestrator.mesos.types import (
    CheckInfo,
    CommandCheck,
    CommandInfo,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)

_TYPES = {
    HealthProtocol.COMMAND: "COMMAND",
    HealthProtocol.MESOS_TCP: "TCP",
    HealthProtocol.MESOS_HTTP: "HTTP",
    HealthProtocol.MESOS_HTTPS: "HTTP",
}


def health_check(app: App, ports: Sequence[int]) -> HealthCheck | None:
    """The health check that the agent makes; ``ports`` are those that the process listens on."""
    index = agents_check(app.health_checks)
    if index is None:
        return None
    wanted = app.health_checks[index]
    kind = _TYPES[wanted.protocol]
    port = _port(wanted.port, wanted.port_index, ports)
    protocol = wanted.ip_protocol
    scheme = "https" if wanted.protocol is HealthProtocol.MESOS_HTTPS else "http"
    return HealthCheck(
        type=kind,
        command=CommandInfo(value=wanted.command.value) if wanted.command else None,
        http=HTTPCheck(port=port, protocol=protocol, scheme=scheme, path=wanted.path)
        if kind == "HTTP"
        else None,
        tcp=TCPCheck(port=port, protocol=protocol) if kind == "TCP" else None,
        delay_seconds=float(wanted.delay_seconds),
        interval_seconds=float(wanted.interval_seconds),
        timeout_seconds=float(wanted.timeout_seconds),
        consecutive_failures=wanted.max_consecutive_failures,
        grace_period_seconds=float(wanted.grace_period_seconds),
    )


def check_info(app: App, ports: Sequence[int]) -> CheckInfo | None:
    """The app's check, whose result is only shown."""
    wanted = app.check
    if wanted is None:
        return None
    http, tcp, command = None, None, None
    if wanted.http:
        port = _port(wanted.http.port, wanted.http.port_index, ports)
        http = HTTPCheck(port=port, scheme=wanted.http.scheme.lower(), path=wanted.http.path)
    if wanted.tcp:
        tcp = TCPCheck(port=_port(wanted.tcp.port, wanted.tcp.port_index, ports))
    if wanted.exec:
        command = CommandCheck(command=CommandInfo(value=wanted.exec.command.shell))
    return CheckInfo(
        type="HTTP" if http else "TCP" if tcp else "COMMAND",
        http=http,
        tcp=tcp,
        command=command,
        delay_seconds=float(wanted.delay_seconds),
        interval_seconds=float(wanted.interval_seconds),
        timeout_seconds=float(wanted.timeout_seconds),
    )


def _port(number: int | None, index: int | None, ports: Sequence[int]) -> int:
    if number:
        return number
    return ports[index or 0] if (index or 0) < len(ports) else 0
