"""One try of a check: what is to be tried, and how it ended."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import (
    CheckInfo,
    CommandInfo,
    HealthCheck,
    HTTPCheck,
    Message,
    TCPCheck,
)


class Purpose(StrEnum):
    """For which of a task's two checks something is tried."""

    CHECK = "check"
    HEALTH = "health check"


class HttpProbe(Message):
    """A GET that has to be answered on the task's loopback interface."""

    port: int
    path: str = "/"
    scheme: str = "http"
    is_ipv6: bool = False


class TcpProbe(Message):
    """A port on the task's loopback interface that has to take a connection."""

    port: int
    is_ipv6: bool = False


class CommandProbe(Message):
    """A command that has to end well beside the task."""

    command: CommandInfo


What = HttpProbe | TcpProbe | CommandProbe


class Probe(Message):
    """Something to try now. ``number`` tells it from those of the same check before it.

    ``timeout_s`` counts from when it is really begun; None waits as long as it takes.
    """

    container_id: str
    purpose: Purpose
    number: int
    what: What
    timeout_s: float | None = None


class CommandExited(Message):
    """The command ended by itself."""

    code: int


class HttpAnswered(Message):
    """The last answer, after redirections."""

    status_code: int


class TcpTried(Message):
    """Whether a connection was taken or refused."""

    succeeded: bool


class ProbeFailed(Message):
    """It was tried and there is no result: it took too long, or nobody answered HTTP."""

    reason: str


class ProbeSkipped(Message):
    """It could not be tried, for no fault of the task: nothing is concluded from it."""

    reason: str


Outcome = CommandExited | HttpAnswered | TcpTried | ProbeFailed | ProbeSkipped


def of_check(check: CheckInfo) -> What | None:
    """What a check tries; None if it does not say."""
    match check.type:
        case "COMMAND" if check.command is not None:
            return CommandProbe(command=check.command.command)
        case "HTTP" if check.http is not None:
            return _of_http(check.http)
        case "TCP" if check.tcp is not None:
            return _of_tcp(check.tcp)
        case _:
            return None


def of_health_check(check: HealthCheck) -> What | None:
    """What a health check tries; None if it does not say."""
    match check.type:
        case "COMMAND" if check.command is not None:
            return CommandProbe(command=check.command)
        case "HTTP" if check.http is not None:
            return _of_http(check.http)
        case "TCP" if check.tcp is not None:
            return _of_tcp(check.tcp)
        case _:
            return None


def _of_http(http: HTTPCheck) -> HttpProbe:
    return HttpProbe(
        port=http.port,
        path=http.path or "/",
        scheme=http.scheme or "http",
        is_ipv6=http.protocol == "IPv6",
    )


def _of_tcp(tcp: TCPCheck) -> TcpProbe:
    return TcpProbe(port=tcp.port, is_ipv6=tcp.protocol == "IPv6")
