"""What results of a health check add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.apps.app_parts import HealthCheck
from orchestrator.marathon.core.health.probes import (
    Answer,
    Connected,
    HttpAnswer,
    NoAnswer,
    NotTried,
)
from orchestrator.marathon.core.health.verdict import (
    Failed,
    Health,
    Passed,
    Result,
    counts,
    is_beyond_hope,
    result_of,
)

RESULTS = st.lists(st.booleans(), max_size=40)
GRACE_S = 10


def check(**fields: object) -> HealthCheck:
    import msgspec

    return msgspec.convert({"gracePeriodSeconds": GRACE_S} | fields, HealthCheck)


def history(wanted: HealthCheck, results: list[bool]) -> tuple[Health, list[int]]:
    """One result a second from the start; the health, and the moments that ask for a kill."""
    health, kills = Health(), []
    for second, passed in enumerate(results):
        result: Result = Passed() if passed else Failed("no")
        if counts(wanted, health, result, 0.0, second):
            health = health.after(result, second)
            if isinstance(result, Failed) and is_beyond_hope(wanted, health):
                kills.append(second)
    return health, kills


@pytest.mark.parametrize("status", [200, 204, 301, 399])
def test_any_answer_from_200_to_399_is_healthy(status: int) -> None:
    assert result_of(check(), HttpAnswer(status)) == Passed()


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (100, "100 Continue"),
        (404, "404 Not Found"),
        (500, "500 Internal Server Error"),
        (599, "599"),
    ],
)
def test_any_other_answer_is_not(status: int, cause: str) -> None:
    assert result_of(check(), HttpAnswer(status)) == Failed(cause)


def test_informational_answers_say_nothing_if_they_are_to_be_ignored() -> None:
    assert result_of(check(ignoreHttp1xx=True), HttpAnswer(103)) is None


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Connected(), Passed()),
        (NoAnswer("refused"), Failed("refused")),
        (NotTried("no more files"), None),
    ],
)
def test_what_came_of_a_try_is_judged(answer: Answer, result: Result | None) -> None:
    assert result_of(check(protocol="TCP"), answer) == result


@given(RESULTS)
def test_an_instance_is_alive_exactly_when_its_last_counted_result_was_a_success(
    results: list[bool],
) -> None:
    health, _ = history(check(), results)
    first = results.index(True) if True in results else len(results)
    counted = results[min(first, GRACE_S) :]
    assert health.is_known is bool(counted)
    assert health.is_alive is (bool(counted) and counted[-1])


@given(RESULTS, st.integers(1, 5))
def test_nothing_is_killed_in_the_grace_period_before_a_first_success(
    results: list[bool], limit: int
) -> None:
    _, kills = history(check(maxConsecutiveFailures=limit), results)
    earliest = results.index(True) if True in results else GRACE_S
    assert all(second >= earliest + limit for second in kills)


@given(RESULTS, st.integers(1, 5))
def test_an_instance_is_killed_exactly_when_more_than_so_many_checks_failed_in_a_row(
    results: list[bool], limit: int
) -> None:
    _, kills = history(check(maxConsecutiveFailures=limit, gracePeriodSeconds=0), results)
    expected = [
        second
        for second in range(len(results))
        if second >= limit and not any(results[second - limit : second + 1])
    ]
    assert kills == expected


@given(RESULTS)
def test_nothing_is_ever_killed_if_no_number_of_failures_is_too_many(results: list[bool]) -> None:
    assert history(check(maxConsecutiveFailures=0), results)[1] == []


@given(RESULTS)
def test_the_times_of_successes_and_failures_are_kept(results: list[bool]) -> None:
    health, _ = history(check(gracePeriodSeconds=0), results)
    successes = [second for second, passed in enumerate(results) if passed]
    failures = [second for second, passed in enumerate(results) if not passed]
    assert health.first_success == (successes[0] if successes else None)
    assert health.last_success == (successes[-1] if successes else None)
    assert health.last_failure == (failures[-1] if failures else None)
