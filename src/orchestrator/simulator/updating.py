"""Watches how Marathon updates apps and pods: never too few that serve, never too many that exist.

Looked at after each of Marathon's turns, against the turn before: what it stops of its own accord
must leave as many serving as the upgrade strategy wants, and while instances are replaced it
must not make more than the strategy allows. What fails, is lost, or is killed by a user is not
Marathon's doing. The bounds are worked out anew here, from Marathon's documentation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment.plan import ActionKind
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State
from orchestrator.simulator.monitor import Violation


class UpdateWatch:
    """Of one life of a Marathon."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._excused: set[str] = set()
        self._known = set(state.instances)
        self._serving = _serving(state.instances.values())

    def excuse(self, instance_ids: Iterable[str]) -> None:
        """A user has these killed."""
        self._excused.update(instance_ids)

    def look(self) -> None:
        """After a turn. Raises Violation."""
        known, serving = set(self._state.instances), _serving(self._state.instances.values())
        for spec_id in (*self._state.apps, *self._state.pods):
            effective = self._state.effective(spec_id)
            if effective is not None:
                self._look_at(effective, known - self._known, self._serving - serving)
        self._known, self._serving = known, serving

    def _look_at(self, spec: RunSpec, made: set[str], gone: set[str]) -> None:
        there = self._state.instances_of(spec.id)
        ended = (i for i in there if i.goal is Goal.DECOMMISSIONED and _runs(i))
        stopped = {i.id for i in ended} & gone - self._excused
        if stopped and len(_serving(there)) < _fewest(spec):
            raise Violation("an update leaves enough serving", f"{spec.id} stops {sorted(stopped)}")
        course = self._state.courses.get(spec.id)
        action = course.action.action if course and course.action else None
        if action not in _REPLACING or made.isdisjoint(i.id for i in there):
            return
        existing = [i for i in there if i.condition.is_launched or i.condition is _WAITS]
        if len(existing) > _most(spec):
            raise Violation(
                "an update makes few enough", f"{spec.id} has {len(existing)} instances"
            )


_WAITS = Condition.SCHEDULED
_REPLACING = (ActionKind.RESTART, ActionKind.RESTART_POD)


def _serving(instances: Iterable[Instance]) -> set[str]:
    return {i.id for i in instances if i.goal is Goal.RUNNING and _runs(i)}


def _runs(instance: Instance) -> bool:
    return instance.condition is Condition.RUNNING and instance.healthy is not False


def _fewest(spec: RunSpec) -> int:
    return math.ceil(spec.instances * spec.upgrade_strategy.minimum_health_capacity)


def _most(spec: RunSpec) -> int:
    """One more where both bounds are the same number: or nothing could ever be replaced."""
    over = math.trunc(spec.instances * (1 + spec.upgrade_strategy.maximum_over_capacity))
    return max(1, over + (over == _fewest(spec)))
