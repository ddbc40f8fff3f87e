"""What is wrong with a check or a health check, in a sentence.

Master and agent refuse the same ones. Source: src/common/validation.cpp of Mesos 1.11, whose
wording is kept; it leaves ports alone, which would only fail later, at every try.
"""

from __future__ import annotations

from orchestrator.mesos.commands import command_problem
from orchestrator.mesos.types import (
    CheckInfo,
    CommandInfo,
    HealthCheck,
    HTTPCheck,
    TaskInfo,
    TCPCheck,
)

MAX_SECONDS = 1e9  # some 30 years; Mesos ends where nanoseconds leave 64 bits
MAX_STATUSES = 500
_CHECK = "check"
_HEALTH_CHECK = "health check"
_DURATIONS = ("delay_seconds", "grace_period_seconds", "interval_seconds", "timeout_seconds")


def task_problem(task: TaskInfo) -> str | None:
    """Why one of the checks of a task cannot be made, if so."""
    if task.check is not None and (problem := check_problem(task.check)):
        return f"Task uses invalid check: {problem}"
    if task.health_check is not None and (problem := health_check_problem(task.health_check)):
        return f"Task uses invalid health check: {problem}"
    return None


def health_check_problem(check: HealthCheck) -> str | None:
    """Why the health check cannot be made, if so."""
    if check.type == "UNKNOWN":
        return "HealthCheck must specify 'type'"
    return _problem(_HEALTH_CHECK, check, check.command)


def check_problem(check: CheckInfo) -> str | None:
    """Why the check cannot be made, if so."""
    if check.type == "UNKNOWN":
        return "CheckInfo must specify 'type'"
    return _problem(_CHECK, check, check.command.command if check.command else None)


def _problem(kind: str, check: CheckInfo | HealthCheck, command: CommandInfo | None) -> str | None:
    match check.type:
        case "COMMAND":
            problem = _of_command(kind, command)
        case "HTTP":
            problem = _of_http(kind, check.http)
        case "TCP":
            problem = _of_tcp(kind, check.tcp)
        case _:
            problem = f"'{check.type}' is not a valid {kind} type"
    return problem or _of_durations(check)


def _of_command(kind: str, command: CommandInfo | None) -> str | None:
    if command is None:
        return f"Expecting 'command' to be set for COMMAND {kind}"
    if command.value is None:
        wanted = "'shell command'" if command.shell else "'executable path'"
        return f"Command {kind} must contain {wanted}"
    if (problem := command_problem(command)) is not None:
        return f"{kind.capitalize()}'s `CommandInfo` is invalid: {problem}"
    return None


def _of_http(kind: str, http: HTTPCheck | None) -> str | None:
    if http is None:
        return f"Expecting 'http' to be set for HTTP {kind}"
    if http.scheme not in (None, "http", "https"):
        return f"Unsupported HTTP {kind} scheme: '{http.scheme}'"
    if http.path and not http.path.startswith("/"):
        return f"The path '{http.path}' of HTTP {kind} must start with '/'"
    if len(http.statuses) > MAX_STATUSES:
        return f"HTTP {kind} must not list more than {MAX_STATUSES} statuses"
    return _of_address(f"HTTP {kind}", http)


def _of_tcp(kind: str, tcp: TCPCheck | None) -> str | None:
    if tcp is None:
        return f"Expecting 'tcp' to be set for TCP {kind}"
    return _of_address(f"TCP {kind}", tcp)


def _of_address(kind: str, at: HTTPCheck | TCPCheck) -> str | None:
    if not 0 < at.port < 1 << 16:
        return f"The port {at.port} of {kind} must be between 1 and 65535"
    if at.protocol not in (None, "IPv4", "IPv6"):
        return f"Unsupported {kind} protocol: '{at.protocol}'"
    return None


def _of_durations(check: CheckInfo | HealthCheck) -> str | None:
    for name in _DURATIONS:
        seconds = getattr(check, name, 0.0)  # checks have no grace period
        if not seconds >= 0:
            return f"Expecting '{name}' to be non-negative"
        if seconds > MAX_SECONDS:
            return f"Expecting '{name}' to be at most {MAX_SECONDS:.0f}"
    return None
