"""Checks and health checks, and how they went.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from orchestrator.mesos.types.base import Message
from orchestrator.mesos.types.commands import CommandInfo


class HTTPCheck(Message):
    """An HTTP request that must answer with one of the statuses."""

    port: int
    protocol: str | None = None
    scheme: str | None = None
    path: str | None = None
    statuses: list[int] = []


class TCPCheck(Message):
    """A port that must accept a connection."""

    port: int
    protocol: str | None = None


class CommandCheck(Message):
    """A command that is run beside the task."""

    command: CommandInfo


class HealthCheck(Message):
    """A check whose failure kills the task; durations in seconds."""

    type: str = "UNKNOWN"
    command: CommandInfo | None = None
    http: HTTPCheck | None = None
    tcp: TCPCheck | None = None
    delay_seconds: float = 15.0
    interval_seconds: float = 10.0
    timeout_seconds: float = 20.0
    consecutive_failures: int = 3
    grace_period_seconds: float = 10.0


class CheckInfo(Message):
    """A check whose result is only reported; durations in seconds."""

    type: str = "UNKNOWN"
    command: CommandCheck | None = None
    http: HTTPCheck | None = None
    tcp: TCPCheck | None = None
    delay_seconds: float = 15.0
    interval_seconds: float = 10.0
    timeout_seconds: float = 20.0


class CommandCheckStatus(Message):
    """How the last command check ended."""

    exit_code: int | None = None


class HTTPCheckStatus(Message):
    """What the last HTTP check answered."""

    status_code: int | None = None


class TCPCheckStatus(Message):
    """Whether the last TCP check connected."""

    succeeded: bool | None = None


class CheckStatusInfo(Message):
    """The result of a check."""

    type: str | None = None
    command: CommandCheckStatus | None = None
    http: HTTPCheckStatus | None = None
    tcp: TCPCheckStatus | None = None
