"""What the results of one health check of one instance add up to.

Failures do not count in the grace period, until a first success ends it. An instance is alive from
a success to the next failure that counts. It is killed by the failure after ``max`` in a row:

    running ... F F F ... grace over ... F  F  F  F        max = 3
                ignored                  1  2  3  4: killed

Source: HealthCheckActor.scala and Health.scala of Marathon 1.11.
"""

from __future__ import annotations

import http
from typing import assert_never

import msgspec
from msgspec.structs import replace

from orchestrator.marathon.core.apps.app_parts import HealthCheck
from orchestrator.marathon.core.health.probes import (
    Answer,
    Connected,
    HttpAnswer,
    NoAnswer,
    NotTried,
)

_HEALTHY = range(200, 400)
_INFORMATIONAL = range(100, 200)


class Passed(msgspec.Struct, frozen=True):
    """The instance answered as it should."""


class Failed(msgspec.Struct, frozen=True):
    """It did not; ``cause`` says how."""

    cause: str


Result = Passed | Failed


class Health(msgspec.Struct, frozen=True):
    """One check of one instance so far; times are Unix seconds."""

    first_success: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    last_failure_cause: str | None = None
    consecutive_failures: int = 0

    @property
    def is_known(self) -> bool:
        """Whether any result has counted."""
        return self.last_success is not None or self.last_failure is not None

    @property
    def is_alive(self) -> bool:
        """Whether the last result that counted was a success."""
        return self.last_success is not None and not self.consecutive_failures

    def after(self, result: Result, now: float) -> Health:
        """With a result that counts."""
        match result:
            case Passed():
                first = now if self.first_success is None else self.first_success
                return replace(self, first_success=first, last_success=now, consecutive_failures=0)
            case Failed(cause):
                return replace(
                    self,
                    last_failure=now,
                    last_failure_cause=cause,
                    consecutive_failures=self.consecutive_failures + 1,
                )
            case _:
                assert_never(result)


def result_of(check: HealthCheck, answer: Answer) -> Result | None:
    """What an answer means; None if it says nothing about the instance."""
    match answer:
        case Connected():
            return Passed()
        case HttpAnswer(status):
            return _result_of_status(check, status)
        case NoAnswer(cause):
            return Failed(cause)
        case NotTried():
            return None
        case _:
            assert_never(answer)


def _result_of_status(check: HealthCheck, status: int) -> Result | None:
    if status in _HEALTHY:
        return Passed()
    if check.ignore_http1xx and status in _INFORMATIONAL:
        return None
    try:
        return Failed(f"{status} {http.HTTPStatus(status).phrase}")
    except ValueError:  # a number that the standard has no name for
        return Failed(str(status))


def counts(
    check: HealthCheck, health: Health, result: Result, running_since: float, now: float
) -> bool:
    """Whether a result changes anything: failures in the grace period do not."""
    is_graced = health.first_success is None and now < running_since + check.grace_period_seconds
    return isinstance(result, Passed) or not is_graced


def is_beyond_hope(check: HealthCheck, health: Health) -> bool:
    """Whether the check has failed so often that the instance is to be replaced."""
    return 0 < check.max_consecutive_failures < health.consecutive_failures
