"""Which checks master and agents refuse, in Mesos' words."""

from __future__ import annotations

import math

import pytest

from orchestrator.mesos.checks import check_problem, health_check_problem
from orchestrator.mesos.types import (
    CheckInfo,
    CommandCheck,
    CommandInfo,
    Environment,
    EnvironmentVariable,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)

UNSET = CommandInfo(
    value="true", environment=Environment(variables=[EnvironmentVariable(name="A")])
)


@pytest.mark.parametrize(
    "check",
    [
        HealthCheck(type="COMMAND", command=CommandInfo(value="true")),
        HealthCheck(type="HTTP", http=HTTPCheck(port=1)),
        HealthCheck(
            type="HTTP",
            http=HTTPCheck(port=65535, scheme="https", path="/a", protocol="IPv6", statuses=[204]),
            delay_seconds=0,
            grace_period_seconds=0,
            interval_seconds=0,
            timeout_seconds=0,
        ),
        HealthCheck(type="TCP", tcp=TCPCheck(port=80, protocol="IPv4")),
    ],
)
def test_health_checks_that_can_be_made_are_taken(check: HealthCheck) -> None:
    assert health_check_problem(check) is None


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (HealthCheck(), "HealthCheck must specify 'type'"),
        (HealthCheck(type="GRPC"), "'GRPC' is not a valid health check type"),
        (
            HealthCheck(type="COMMAND"),
            "Expecting 'command' to be set for COMMAND health check",
        ),
        (
            HealthCheck(type="COMMAND", command=CommandInfo()),
            "Command health check must contain 'shell command'",
        ),
        (
            HealthCheck(type="COMMAND", command=CommandInfo(shell=False)),
            "Command health check must contain 'executable path'",
        ),
        (
            HealthCheck(type="COMMAND", command=UNSET),
            "Health check's `CommandInfo` is invalid: "
            "Environment variable 'A' of type 'VALUE' must have a value set",
        ),
        (HealthCheck(type="HTTP"), "Expecting 'http' to be set for HTTP health check"),
        (
            HealthCheck(type="HTTP", http=HTTPCheck(port=80, scheme="ftp")),
            "Unsupported HTTP health check scheme: 'ftp'",
        ),
        (
            HealthCheck(type="HTTP", http=HTTPCheck(port=80, path="health")),
            "The path 'health' of HTTP health check must start with '/'",
        ),
        (
            HealthCheck(type="HTTP", http=HTTPCheck(port=0)),
            "The port 0 of HTTP health check must be between 1 and 65535",
        ),
        (HealthCheck(type="TCP"), "Expecting 'tcp' to be set for TCP health check"),
        (
            HealthCheck(type="TCP", tcp=TCPCheck(port=70000)),
            "The port 70000 of TCP health check must be between 1 and 65535",
        ),
    ],
)
def test_health_checks_that_cannot_be_made_are_refused(check: HealthCheck, sentence: str) -> None:
    assert health_check_problem(check) == sentence


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (CheckInfo(), "CheckInfo must specify 'type'"),
        (CheckInfo(type="GRPC"), "'GRPC' is not a valid check type"),
        (CheckInfo(type="COMMAND"), "Expecting 'command' to be set for COMMAND check"),
        (
            CheckInfo(type="COMMAND", command=CommandCheck(command=CommandInfo())),
            "Command check must contain 'shell command'",
        ),
        (
            CheckInfo(type="COMMAND", command=CommandCheck(command=UNSET)),
            "Check's `CommandInfo` is invalid: "
            "Environment variable 'A' of type 'VALUE' must have a value set",
        ),
        (CheckInfo(type="HTTP"), "Expecting 'http' to be set for HTTP check"),
        (
            CheckInfo(type="HTTP", http=HTTPCheck(port=80, path="x")),
            "The path 'x' of HTTP check must start with '/'",
        ),
        (CheckInfo(type="TCP"), "Expecting 'tcp' to be set for TCP check"),
    ],
)
def test_checks_that_cannot_be_made_are_refused(check: CheckInfo, sentence: str) -> None:
    assert check_problem(check) == sentence


@pytest.mark.parametrize("seconds", [-0.1, -math.inf, math.nan])
@pytest.mark.parametrize(
    "name", ["delay_seconds", "grace_period_seconds", "interval_seconds", "timeout_seconds"]
)
def test_no_duration_may_be_negative(name: str, seconds: float) -> None:
    check = HealthCheck(type="TCP", tcp=TCPCheck(port=80), **{name: seconds})  # type: ignore[arg-type]
    assert health_check_problem(check) == f"Expecting '{name}' to be non-negative"


def test_no_duration_may_be_endless() -> None:
    check = CheckInfo(type="TCP", tcp=TCPCheck(port=80), delay_seconds=math.inf)
    assert check_problem(check) == "Expecting 'delay_seconds' to be at most 1000000000"
