"""All checks of all tasks: which is to be tried now, and what its result changes.

Of each check at most one try is under way; the next is due one interval after the end of the last.
A task's check and its health check go on independently, as in Mesos. A check that is taken up again
after a restart of the agent keeps to the rhythm it would have had, so the checks of a machine stay
as spread over time as they were.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from orchestrator.agent.core.checking import probe as probing
from orchestrator.agent.core.checking.probe import Outcome, Probe, ProbeSkipped, Purpose, What
from orchestrator.agent.core.checking.results import (
    Health,
    HealthChange,
    judge,
    no_status,
    status_of,
)
from orchestrator.agent.core.deadlines import Deadlines
from orchestrator.mesos.types import CheckInfo, CheckStatusInfo, HealthCheck

MIN_INTERVAL_S = 0.1  # an interval of nothing would have an agent do nothing else
News = CheckStatusInfo | HealthChange
_Key = tuple[str, Purpose]


class Checks:
    """``wake`` tells what is to be tried, ``judge`` what a result means."""

    def __init__(self) -> None:
        self._watches: dict[_Key, _CheckWatch | _HealthWatch] = {}
        self._due: Deadlines[_Key] = Deadlines()

    def begin_check(
        self,
        container_id: str,
        check: CheckInfo,
        *,
        started_at: float,
        last: CheckStatusInfo | None,
        now: float,
    ) -> None:
        """Check a task that runs since ``started_at``, unless that is done already.

        ``last`` is what was told of the check before, if anything was.
        """
        if (what := probing.of_check(check)) is not None:
            watch = _CheckWatch(what, started_at, check, last or no_status(check))
            self._begin((container_id, Purpose.CHECK), watch, now)

    def begin_health_check(
        self,
        container_id: str,
        check: HealthCheck,
        *,
        started_at: float,
        last: Health,
        now: float,
    ) -> None:
        """Watch the health of a task that runs since ``started_at``, unless that is done already.

        ``last`` is what its health was known to be.
        """
        if (what := probing.of_health_check(check)) is not None:
            watch = _HealthWatch(what, started_at, check, last)
            self._begin((container_id, Purpose.HEALTH), watch, now)

    def end(self, container_id: str) -> bool:
        """Check a task no more. Tells whether a try is under way that nobody waits for now."""
        keys = [(container_id, purpose) for purpose in Purpose]
        ended = [watch for key in keys if (watch := self._watches.pop(key, None))]
        for key in keys:
            self._due.drop(key)
        return any(watch.is_under_way for watch in ended)

    def judge(
        self, container_id: str, purpose: Purpose, number: int, outcome: Outcome, now: float
    ) -> News | None:
        """What a result changes, if anything; one that nobody waits for changes nothing."""
        key = (container_id, purpose)
        watch = self._watches.get(key)
        if watch is None or not watch.is_under_way or watch.number != number:
            return None
        watch.is_under_way = False
        self._due.set(key, now + watch.interval_s)
        return watch.note(outcome, now)

    def wake_at(self) -> float | None:
        """When the next check is due."""
        return self._due.next_at()

    def wake(self, now: float) -> list[Probe]:
        """What is to be tried now."""
        return list(self._begin_due(now))

    def _begin(self, key: _Key, watch: _CheckWatch | _HealthWatch, now: float) -> None:
        if key not in self._watches:
            self._watches[key] = watch
            self._due.set(key, watch.first_at(now))

    def _begin_due(self, now: float) -> Iterator[Probe]:
        for key in self._due.due(now):
            watch = self._watches[key]
            watch.number += 1
            watch.is_under_way = True
            container_id, purpose = key
            yield Probe(
                container_id=container_id,
                purpose=purpose,
                number=watch.number,
                what=watch.what,
                timeout_s=watch.spec.timeout_seconds or None,
            )


class _Watch:
    """One check of one task. ``number`` counts its tries."""

    def __init__(self, what: What, started_at: float, spec: CheckInfo | HealthCheck) -> None:
        self.what = what
        self.spec = spec
        self.number = 0
        self.is_under_way = False
        self._started_at = started_at

    @property
    def interval_s(self) -> float:
        """How long to wait after a try."""
        return max(MIN_INTERVAL_S, self.spec.interval_seconds)

    def first_at(self, now: float) -> float:
        """When to begin: after the delay, or at the next of the moments that follow it."""
        first_at = self._started_at + self.spec.delay_seconds
        missed = math.ceil(max(0.0, now - first_at) / self.interval_s)
        return max(now, first_at + missed * self.interval_s)


class _CheckWatch(_Watch):
    def __init__(
        self, what: What, started_at: float, check: CheckInfo, last: CheckStatusInfo
    ) -> None:
        super().__init__(what, started_at, check)
        self._check = check
        self._last = last

    def note(self, outcome: Outcome, now: float) -> CheckStatusInfo | None:
        """The status, if it is another one than before."""
        if isinstance(outcome, ProbeSkipped):
            return None
        before, self._last = self._last, status_of(self._check, outcome)
        return self._last if self._last != before else None


class _HealthWatch(_Watch):
    def __init__(self, what: What, started_at: float, check: HealthCheck, health: Health) -> None:
        super().__init__(what, started_at, check)
        self._check = check
        self._health = health

    def note(self, outcome: Outcome, now: float) -> HealthChange | None:
        """What is to be told, if anything."""
        change = judge(self._check, self._health, outcome, now - self._started_at)
        if change is not None:
            self._health = change.health
        return change
