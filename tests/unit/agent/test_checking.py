"""When checks are made and what their results mean, in virtual time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.agent.core.checking.checks import MIN_INTERVAL_S, Checks
from orchestrator.agent.core.checking.probe import (
    CommandExited,
    CommandProbe,
    HttpAnswered,
    HttpProbe,
    Outcome,
    Probe,
    ProbeFailed,
    ProbeSkipped,
    Purpose,
    TcpProbe,
    TcpTried,
)
from orchestrator.agent.core.checking.results import Health, HealthChange
from orchestrator.mesos.types import (
    CheckInfo,
    CheckStatusInfo,
    CommandCheck,
    CommandCheckStatus,
    CommandInfo,
    HealthCheck,
    HTTPCheck,
    HTTPCheckStatus,
    TCPCheck,
    TCPCheckStatus,
)

START = 1000.0
GOOD, BAD = HttpAnswered(status_code=200), HttpAnswered(status_code=503)
SLOW, SKIPPED = ProbeFailed(reason="timed out"), ProbeSkipped(reason="the agent is busy")
HTTP = HealthCheck(
    type="HTTP",
    http=HTTPCheck(port=80),
    delay_seconds=2,
    interval_seconds=10,
    timeout_seconds=5,
    grace_period_seconds=25,
    consecutive_failures=3,
)
COMMAND = CheckInfo(
    type="COMMAND",
    command=CommandCheck(command=CommandInfo(value="true")),
    delay_seconds=0,
    interval_seconds=10,
)


class Step(NamedTuple):
    """What was told, and how many seconds after the task had started."""

    at: float
    told: CheckStatusInfo | HealthChange


class Player:
    """One task whose tries end as given, each after ``takes_s``."""

    def __init__(
        self, check: CheckInfo | HealthCheck, *, began_at: float = START, last: object = None
    ) -> None:
        self.checks = Checks()
        self.now = began_at
        self.probes: list[tuple[float, Probe]] = []
        self.told: list[Step] = []
        if isinstance(check, HealthCheck):
            health = last if isinstance(last, Health) else Health()
            self.checks.begin_health_check("c", check, started_at=START, last=health, now=began_at)
        else:
            status = last if isinstance(last, CheckStatusInfo) else None
            self.checks.begin_check("c", check, started_at=START, last=status, now=began_at)

    def plays(self, *outcomes: Outcome, takes_s: float = 0.0) -> list[Step]:
        for outcome in outcomes:
            at = self.checks.wake_at()
            assert at is not None
            assert at >= self.now
            self.now = at
            (probe,) = self.checks.wake(at)
            self.probes.append((at - START, probe))
            assert self.checks.wake_at() is None  # the next is due after the end of this one
            self.now += takes_s
            self.ends(probe, outcome)
        return self.told

    def ends(self, probe: Probe, outcome: Outcome) -> None:
        news = self.checks.judge("c", probe.purpose, probe.number, outcome, self.now)
        if news is not None:
            self.told.append(Step(self.now - START, news))


def healthy(at: float) -> Step:
    return Step(at, HealthChange(health=Health(has_passed=True), is_healthy=True))


def unhealthy(at: float, failures: int, why: str, *, passed: bool, dies: bool = False) -> Step:
    health = Health(failures=failures, has_passed=passed)
    return Step(at, HealthChange(health=health, is_healthy=False, must_die=dies, message=why))


def told_by(check: CheckInfo | HealthCheck, *outcomes: Outcome, takes_s: float = 0) -> list[Step]:
    return Player(check).plays(*outcomes, takes_s=takes_s)


# --- health checks -------------------------------------------------------------------------------


def test_success_is_told_once() -> None:
    player = Player(HTTP)
    assert player.plays(GOOD, GOOD, GOOD) == [healthy(2)]
    assert [at for at, _ in player.probes] == [2, 12, 22]


def test_the_interval_begins_when_the_last_try_has_ended() -> None:
    player = Player(HTTP)
    player.plays(GOOD, GOOD, GOOD, takes_s=3)
    assert [at for at, _ in player.probes] == [2, 15, 28]


def test_failures_in_the_grace_period_are_ignored_and_those_after_it_count() -> None:
    why = "Unexpected HTTP response code: 503"
    assert told_by(HTTP, BAD, BAD, BAD, BAD, BAD, BAD) == [
        unhealthy(32, 1, why, passed=False),
        unhealthy(42, 2, why, passed=False),
        unhealthy(52, 3, why, passed=False, dies=True),
    ]


def test_the_grace_period_ends_with_the_first_success() -> None:
    assert told_by(HTTP, BAD, GOOD, SLOW) == [
        healthy(12),
        unhealthy(22, 1, "timed out", passed=True),
    ]


def test_a_failure_is_in_the_grace_period_by_when_it_ends() -> None:
    assert told_by(HTTP, SLOW, takes_s=23) == []
    assert told_by(HTTP, SLOW, takes_s=23.5) == [unhealthy(25.5, 1, "timed out", passed=False)]


def test_without_a_grace_period_the_first_failure_counts() -> None:
    at_once = replace(HTTP, grace_period_seconds=0, delay_seconds=0, consecutive_failures=1)
    assert told_by(at_once, SLOW) == [unhealthy(0, 1, "timed out", passed=False, dies=True)]


def test_a_success_between_failures_starts_the_count_anew() -> None:
    flapping = told_by(HTTP, GOOD, SLOW, SLOW, GOOD, SLOW, SLOW, GOOD)
    changes = [step.told for step in flapping if isinstance(step.told, HealthChange)]
    assert [(change.is_healthy, change.must_die) for change in changes] == [
        (True, False),
        (False, False),
        (False, False),
        (True, False),
        (False, False),
        (False, False),
        (True, False),
    ]


def test_what_could_not_be_tried_changes_nothing() -> None:
    after_grace = Player(HTTP, began_at=START + 100)
    assert after_grace.plays(SKIPPED, SKIPPED, SKIPPED, SKIPPED) == []


@pytest.mark.parametrize(
    ("statuses", "code", "is_good"),
    [
        ([], 200, True),
        ([], 399, True),
        ([], 199, False),
        ([], 400, False),
        ([404], 404, True),
        ([404], 200, False),
    ],
)
def test_http_is_good_from_200_to_399_or_as_listed(
    statuses: list[int], code: int, is_good: bool
) -> None:
    check = replace(HTTP, http=HTTPCheck(port=80, statuses=statuses), grace_period_seconds=0)
    (step,) = told_by(check, HttpAnswered(status_code=code))
    assert isinstance(step.told, HealthChange)
    assert step.told.is_healthy is is_good


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (CommandExited(code=0), None),
        (CommandExited(code=3), "Command exited with status 3"),
        (TcpTried(succeeded=True), None),
        (TcpTried(succeeded=False), "TCP connection failed"),
        (ProbeFailed(reason="Connection refused"), "Connection refused"),
    ],
)
def test_a_failure_says_what_failed(outcome: Outcome, why: str | None) -> None:
    (step,) = told_by(replace(HTTP, grace_period_seconds=0), outcome)
    assert isinstance(step.told, HealthChange)
    assert (step.told.is_healthy, step.told.message) == (why is None, why)


# --- checks --------------------------------------------------------------------------------------


def exited(at: float, code: int | None) -> Step:
    status = CommandCheckStatus(exit_code=code)
    return Step(at, CheckStatusInfo(type="COMMAND", command=status))


def test_a_check_is_told_when_its_result_differs_from_the_last() -> None:
    outcomes = [CommandExited(code=code) for code in (0, 0, 1, 1, 0)]
    assert told_by(COMMAND, *outcomes) == [exited(0, 0), exited(20, 1), exited(40, 0)]


def test_a_check_without_a_result_is_told_as_empty_unless_it_was() -> None:
    assert told_by(COMMAND, SLOW, CommandExited(code=0), SLOW, SLOW) == [
        exited(10, 0),
        exited(20, None),
    ]


def test_a_check_that_could_not_be_tried_keeps_its_result() -> None:
    assert told_by(COMMAND, CommandExited(code=0), SKIPPED, CommandExited(code=0)) == [exited(0, 0)]


@pytest.mark.parametrize(
    ("check", "outcome", "status"),
    [
        (
            CheckInfo(type="HTTP", http=HTTPCheck(port=80)),
            HttpAnswered(status_code=418),
            CheckStatusInfo(type="HTTP", http=HTTPCheckStatus(status_code=418)),
        ),
        (
            CheckInfo(type="TCP", tcp=TCPCheck(port=80)),
            TcpTried(succeeded=False),
            CheckStatusInfo(type="TCP", tcp=TCPCheckStatus(succeeded=False)),
        ),
    ],
)
def test_a_check_tells_what_it_found(
    check: CheckInfo, outcome: Outcome, status: CheckStatusInfo
) -> None:
    assert [step.told for step in told_by(check, outcome)] == [status]


# --- what is tried -------------------------------------------------------------------------------


def test_a_try_names_what_and_how_long() -> None:
    player = Player(replace(HTTP, http=HTTPCheck(port=80, scheme="https", protocol="IPv6")))
    player.plays(GOOD)
    what = HttpProbe(port=80, path="/", scheme="https", is_ipv6=True)
    expected = Probe(container_id="c", purpose=Purpose.HEALTH, number=1, what=what, timeout_s=5)
    assert [probe for _, probe in player.probes] == [expected]


def test_no_timeout_means_as_long_as_it_takes() -> None:
    player = Player(replace(COMMAND, timeout_seconds=0))
    player.plays(CommandExited(code=0))
    ((_, probe),) = player.probes
    assert probe.timeout_s is None
    assert probe.what == CommandProbe(command=CommandInfo(value="true"))


def test_a_tcp_check_tries_its_port() -> None:
    player = Player(HealthCheck(type="TCP", tcp=TCPCheck(port=22, protocol="IPv6")))
    player.plays(TcpTried(succeeded=True))
    assert player.probes[0][1].what == TcpProbe(port=22, is_ipv6=True)


def test_an_interval_of_nothing_leaves_the_agent_time_for_other_things() -> None:
    player = Player(replace(COMMAND, interval_seconds=0))
    player.plays(*[CommandExited(code=0)] * 3)
    assert [at for at, _ in player.probes] == pytest.approx([0, MIN_INTERVAL_S, 2 * MIN_INTERVAL_S])


@pytest.mark.parametrize("check", [CheckInfo(), HealthCheck(), HealthCheck(type="HTTP")])
def test_a_check_that_says_nothing_is_not_made(check: CheckInfo | HealthCheck) -> None:
    assert Player(check).checks.wake_at() is None


# --- the end, and a new beginning ----------------------------------------------------------------


def test_a_result_after_the_end_is_ignored_and_nothing_is_tried_any_more() -> None:
    player = Player(replace(HTTP, grace_period_seconds=0))
    (probe,) = player.checks.wake(START + 2)
    assert player.checks.end("c")
    player.ends(probe, SLOW)
    assert player.told == []
    assert player.checks.wake_at() is None
    assert not player.checks.end("c")


def test_a_result_counts_once() -> None:
    player = Player(replace(HTTP, grace_period_seconds=0))
    (probe,) = player.checks.wake(START + 2)
    player.ends(probe, SLOW)
    player.ends(probe, SLOW)
    assert len(player.told) == 1


def test_health_is_taken_up_where_it_was_left() -> None:
    again = Player(HTTP, began_at=START + 5, last=Health(failures=2, has_passed=True))
    assert again.plays(SLOW) == [unhealthy(12, 3, "timed out", passed=True, dies=True)]
    still_well = Player(HTTP, began_at=START + 5, last=Health(has_passed=True))
    assert still_well.plays(GOOD) == []


def test_the_last_result_of_a_check_is_remembered() -> None:
    last = CheckStatusInfo(type="COMMAND", command=CommandCheckStatus(exit_code=0))
    again = Player(COMMAND, began_at=START + 5, last=last)
    assert again.plays(CommandExited(code=0), CommandExited(code=1)) == [exited(20, 1)]


@pytest.mark.parametrize(
    ("began_at", "first"), [(0, 2), (1, 2), (2, 2), (3, 12), (12, 12), (99, 102)]
)
def test_a_check_keeps_its_rhythm_over_a_restart(began_at: float, first: float) -> None:
    player = Player(HTTP, began_at=START + began_at)
    assert player.checks.wake_at() == START + first


def test_many_checks_are_each_made_in_their_turn() -> None:
    checks = Checks()
    for i in range(1000):
        checks.begin_health_check(
            f"c{i}", HTTP, started_at=START + i / 100, last=Health(), now=START + i / 100
        )
    seen = [probe.container_id for probe in checks.wake(START + 12)]
    assert seen == [f"c{i}" for i in range(1000)]


# --- laws ----------------------------------------------------------------------------------------

outcomes = st.lists(st.sampled_from([GOOD, BAD, SLOW, SKIPPED]), max_size=40)
health_checks = st.builds(
    lambda delay, interval, grace, failures: replace(
        HTTP,
        delay_seconds=delay,
        interval_seconds=interval,
        grace_period_seconds=grace,
        consecutive_failures=failures,
    ),
    st.floats(0, 30),
    st.floats(0, 30),
    st.floats(0, 100),
    st.integers(0, 5),
)


@given(health_checks, outcomes, st.floats(0, 10))
def test_a_task_dies_exactly_when_enough_failures_outside_the_grace_period_follow_each_other(
    check: HealthCheck, outcomes: list[Outcome], takes_s: float
) -> None:
    player = Player(check)
    failures, has_passed, must_die = 0, False, False
    for outcome in outcomes:
        told = len(player.told)
        player.plays(outcome, takes_s=takes_s)
        in_grace = not has_passed and 0 < check.grace_period_seconds >= player.now - START
        if outcome is GOOD:
            is_news, failures, has_passed = not has_passed or failures > 0, 0, True
        else:
            is_news = outcome is not SKIPPED and not in_grace
            failures += is_news
        assert (len(player.told) > told) is is_news
        if is_news:
            change = player.told[-1].told
            assert isinstance(change, HealthChange)
            must_die = failures >= max(1, check.consecutive_failures)
            assert change.must_die is (must_die and outcome is not GOOD)


@given(st.lists(st.sampled_from([CommandExited(code=0), CommandExited(code=1), SLOW, SKIPPED])))
def test_no_two_reports_of_a_check_in_a_row_are_the_same(outcomes: list[Outcome]) -> None:
    told = [step.told for step in told_by(COMMAND, *outcomes)]
    before = [CheckStatusInfo(type="COMMAND", command=CommandCheckStatus()), *told]
    assert all(one != other for one, other in zip(before, told, strict=False))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0, 20)),
            st.tuples(st.just("end try"), st.integers(0, 7)),
            st.tuples(st.just("end"), st.sampled_from("abc")),
        ),
        max_size=60,
    )
)
def test_no_check_is_ever_tried_twice_at_a_time(steps: Iterable[tuple[str, object]]) -> None:
    checks, now = Checks(), START
    alive, under_way = set("abc"), list[Probe]()
    for name in "abc":
        checks.begin_health_check(name, HTTP, started_at=now, last=Health(), now=now)
        checks.begin_check(name, COMMAND, started_at=now, last=None, now=now)
    for step in steps:
        match step:
            case ("pass", float(seconds)):
                now += seconds
                under_way += checks.wake(now)
                assert (at := checks.wake_at()) is None or at > now
            case ("end try", int(index)) if under_way:
                probe = under_way.pop(index % len(under_way))
                checks.judge(probe.container_id, probe.purpose, probe.number, SLOW, now)
            case ("end", str(name)) if name in alive:
                alive.discard(name)
                was_busy = any(probe.container_id == name for probe in under_way)
                assert checks.end(name) is was_busy
                under_way = [probe for probe in under_way if probe.container_id != name]
        keys = [(probe.container_id, probe.purpose) for probe in under_way]
        assert len(set(keys)) == len(keys)
        assert {container_id for container_id, _ in keys} <= alive
