"""The next move of an app or a pod, as pure functions: how many instances to start, which to stop.

``scale`` leaves the instances there are as they are and brings their number to what is wanted.
``roll`` replaces those of an older configuration. With ``n`` wanted instances it keeps

    serving  >= ceil(n * minimumHealthCapacity)      (as long as that many were serving)
    existing <= n * (1 + maximumOverCapacity)        (one more where both bounds are equal)

at every moment, whatever fails meanwhile: it decides from what exists now, not from what it did.
What exists comes in cohorts (``roster``), so that a move costs what it changes, and not a look at
every instance.

    old serving  ######    new ready           n = 6, minimum 0.5, maximum 0.5
                 ###       ... 6 starting      stop 3 at once, start up to 9 in all
                 -         ###                 each new one that is ready lets an old one go

Source: TaskReplaceActor.computeRestartStrategy of Marathon 1.11.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import msgspec

from orchestrator.marathon.core.apps.app_parts import (
    KillSelection,
)
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment import spread
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.roster import Cohorts, Roster, age, size
from orchestrator.marathon.core.run_spec import RunSpec


class Move(msgspec.Struct, frozen=True):
    """What to do for an app now."""

    start: int = 0
    stop: tuple[str, ...] = ()
    is_done: bool = False  # the app is as it should be


class Bounds(msgspec.Struct, frozen=True):
    """How few instances may serve, and how many may exist, while an app is updated."""

    minimum_serving: int
    maximum_existing: int


def bounds(app: RunSpec, serving: int) -> Bounds:
    """The bounds of the app's upgrade strategy, with ``serving`` instances to begin from."""
    strategy = app.upgrade_strategy
    minimum = math.ceil(app.instances * strategy.minimum_health_capacity)
    maximum = math.trunc(app.instances * (1 + strategy.maximum_over_capacity))
    if minimum == maximum and maximum <= serving:
        if app.is_resident:
            minimum -= 1  # the new one takes over the volumes of an old one that has ended
        else:
            maximum += 1  # or nothing could ever be replaced
    return Bounds(minimum, max(1, maximum))


def is_outdated(instance: Instance, app: RunSpec) -> bool:
    """Whether the instance runs another configuration than the app's."""
    return instance.config_version != app.config_version


def scale(app: RunSpec, roster: Roster, chosen: Collection[Instance] = ()) -> Move:
    """Bring the number of instances to what the app wants, stopping ``chosen`` ones first."""
    cohorts = roster.in_use
    active = [c for c in cohorts if c.like.is_active]
    stop = [i for i in chosen if i.goal is Goal.RUNNING]
    passed_over = {i.id for i in stop if i.is_active}
    excess = size(active) - len(passed_over) - app.instances
    if excess > 0:
        stop += _spread_victims(app, active, passed_over, excess)
    return _move(app, cohorts, active, max(0, -excess), stop)


def roll(app: RunSpec, roster: Roster) -> Move:
    """Replace outdated instances step by step."""
    cohorts = roster.in_use
    outdated = [c for c in cohorts if is_outdated(c.like, app)]
    if not outdated or app.instances == 0:
        return scale(app, roster)
    new = [c for c in cohorts if c.like.is_active and not is_outdated(c.like, app)]
    ready = _ready(app, new)
    old = [c for c in outdated if c.like.goal is Goal.RUNNING]
    serving = [c for c in old if c.like.is_serving]
    limit = bounds(app, size(serving) + ready)
    spare = size(serving) + ready - limit.minimum_serving
    stop = [i for c in old if not c.like.is_serving for i in c]
    stop += victims(serving, app.kill_selection, spare)
    stop += victims(new, app.kill_selection, size(new) - app.instances)
    existing = size(c for c in cohorts if c.like.condition.is_launched) + _waiting(new)
    start = max(0, min(app.instances - size(new), limit.maximum_existing - existing))
    return _move(app, cohorts, new, start, stop)


def explain(app: RunSpec, roster: Roster) -> str:
    """What the app has and waits for, in a sentence."""
    cohorts = roster.in_use
    kept = [c for c in cohorts if c.like.is_active and not is_outdated(c.like, app)]
    missing = max(0, app.instances - size(kept))
    parts = [
        (_waiting(kept) + missing, "to be placed on an offer"),
        (size(c for c in kept if _is_starting(c.like)), "to start"),
        (_serving(kept) - _healthy(app, kept), "to become healthy"),
        (_healthy(app, kept) - _ready(app, kept), "to become ready"),
        (size(c for c in kept if c.like.healthy is False), "to become healthy again"),
        (size(c for c in kept if c.like.condition.is_lost), "to become reachable"),
        (_present(cohorts) - size(kept), "to end"),
    ]
    texts = [f"{count} instance{'s' * (count != 1)} {what}" for count, what in parts if count]
    have = f"{app.id} has {_ready(app, kept)} of {app.instances} instances ready"
    return f"{have} and waits for {' and '.join(texts)}" if texts else have


def _move(
    app: RunSpec, cohorts: Cohorts, kept: Cohorts, start: int, stop: Sequence[Instance]
) -> Move:
    is_still = not start and not stop and size(kept) == _present(cohorts)
    return Move(
        start=start,
        stop=tuple(i.id for i in stop),
        is_done=is_still and all(c.like.is_ready(app) for c in kept),
    )


def victims(cohorts: Cohorts, selection: KillSelection, count: int) -> list[Instance]:
    """Which ``count`` instances to stop, in order: what serves nobody first, then by age."""
    is_reversed = selection is KillSelection.YOUNGEST_FIRST
    found: list[Instance] = []
    for usefulness in range(_MOST_USEFUL + 1):
        alike = [c for c in cohorts if _usefulness(c.like) == usefulness]
        missing = count - len(found)
        first = [i for cohort in alike for i in cohort.first(selection, missing)]
        found += sorted(first, key=age, reverse=is_reversed)[: max(0, missing)]
    return found


def _spread_victims(
    app: RunSpec, active: Cohorts, passed_over: Collection[str], count: int
) -> list[Instance]:
    """Those that keep groups even; without groups, the first in order."""
    enough = size(active) if spread.has_groups(app) else count + len(passed_over)
    ordered = victims(active, app.kill_selection, enough)
    return spread.choose(app, [i for i in ordered if i.id not in passed_over], count)


_MOST_USEFUL = 3


def _usefulness(instance: Instance) -> int:
    if instance.condition is Condition.SCHEDULED:
        return 0
    if instance.condition.is_lost:
        return 1
    return _MOST_USEFUL if instance.is_serving else 2


def _present(cohorts: Cohorts) -> int:
    """How many there are, but for those that are lost and replaced: nobody waits for these."""
    return size(c for c in cohorts if not _is_replaced(c.like))


def _is_replaced(instance: Instance) -> bool:
    lost = instance.condition is Condition.UNREACHABLE_INACTIVE
    return lost and instance.goal is Goal.RUNNING


def _waiting(cohorts: Cohorts) -> int:
    return size(c for c in cohorts if c.like.condition is Condition.SCHEDULED)


def _serving(cohorts: Cohorts) -> int:
    return size(c for c in cohorts if c.like.is_serving)


def _healthy(app: RunSpec, cohorts: Cohorts) -> int:
    return size(c for c in cohorts if c.like.is_healthy(app))


def _ready(app: RunSpec, cohorts: Cohorts) -> int:
    return size(c for c in cohorts if c.like.is_ready(app))


def _is_starting(instance: Instance) -> bool:
    return instance.condition in (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
