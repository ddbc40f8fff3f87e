"""Reads what a try brought: as the status of a check, or as good or bad health.

As Mesos: a refused connection is a result of a TCP check, and a failure of an HTTP check; what
took too long is no result at all. A health check takes HTTP 200 to 399 for good, unless it lists
the statuses it wants (Mesos' own executors ignore that list).
"""

from __future__ import annotations

from orchestrator.agent.core.checking.probe import (
    CommandExited,
    HttpAnswered,
    Outcome,
    ProbeFailed,
    ProbeSkipped,
    TcpTried,
)
from orchestrator.mesos.types import (
    CheckInfo,
    CheckStatusInfo,
    CommandCheckStatus,
    HealthCheck,
    HTTPCheckStatus,
    Message,
    TCPCheckStatus,
)

_GOOD_STATUSES = range(200, 400)


class Health(Message):
    """What of a task's health has to survive the agent.

    ``failures`` in a row that were not ignored; ``has_passed``: whether its health check ever
    succeeded, which ends the grace period.
    """

    failures: int = 0
    has_passed: bool = False


class HealthChange(Message):
    """News to be told. ``must_die``: it has failed often enough; ``message`` says what failed."""

    health: Health
    is_healthy: bool
    must_die: bool = False
    message: str | None = None


def no_status(check: CheckInfo) -> CheckStatusInfo:
    """The status of a check that has no result: of its type, and empty."""
    return CheckStatusInfo(
        type=check.type,
        command=CommandCheckStatus() if check.type == "COMMAND" else None,
        http=HTTPCheckStatus() if check.type == "HTTP" else None,
        tcp=TCPCheckStatus() if check.type == "TCP" else None,
    )


def status_of(check: CheckInfo, outcome: Outcome) -> CheckStatusInfo:
    """The status of a check after a try."""
    match outcome:
        case CommandExited(code=code):
            return CheckStatusInfo(type=check.type, command=CommandCheckStatus(exit_code=code))
        case HttpAnswered(status_code=code):
            return CheckStatusInfo(type=check.type, http=HTTPCheckStatus(status_code=code))
        case TcpTried(succeeded=succeeded):
            return CheckStatusInfo(type=check.type, tcp=TCPCheckStatus(succeeded=succeeded))
        case ProbeFailed() | ProbeSkipped():
            return no_status(check)


def judge(
    check: HealthCheck, before: Health, outcome: Outcome, age_s: float
) -> HealthChange | None:
    """What a try says of the health of a task that has run for ``age_s``; None: nothing new.

    Every failure is news, a success only the first time and after failures.
    """
    if isinstance(outcome, ProbeSkipped):
        return None
    if (failure := _failure(check, outcome)) is None:
        is_news = not before.has_passed or before.failures > 0
        return HealthChange(health=Health(has_passed=True), is_healthy=True) if is_news else None
    grace_s = check.grace_period_seconds
    if not before.has_passed and grace_s > 0 and age_s <= grace_s:
        return None
    health = Health(failures=before.failures + 1, has_passed=before.has_passed)
    must_die = health.failures >= check.consecutive_failures
    return HealthChange(health=health, is_healthy=False, must_die=must_die, message=failure)


def _failure(check: HealthCheck, outcome: Outcome) -> str | None:
    """Why it is no success."""
    match outcome:
        case CommandExited(code=0) | TcpTried(succeeded=True):
            return None
        case CommandExited(code=code):
            return f"Command exited with status {code}"
        case TcpTried():
            return "TCP connection failed"
        case HttpAnswered(status_code=code):
            wanted = (check.http.statuses if check.http else None) or _GOOD_STATUSES
            return None if code in wanted else f"Unexpected HTTP response code: {code}"
        case ProbeFailed(reason=reason) | ProbeSkipped(reason=reason):
            return reason
