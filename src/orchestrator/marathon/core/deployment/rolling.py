"""The next move of an app or a pod, as pure functions: how many instances to start, which to stop.

``scale`` leaves the instances there are as they are and brings their number to what is wanted.
``roll`` replaces those of an older configuration. With ``n`` wanted instances it keeps

    serving  >= ceil(n * minimumHealthCapacity)      (as long as that many were serving)
    existing <= n * (1 + maximumOverCapacity)        (one more where both bounds are equal)

at every moment, whatever fails meanwhile: it decides from what exists now, not from counters.

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


def scale(app: RunSpec, instances: Sequence[Instance], chosen: Collection[str] = ()) -> Move:
    """Bring the number of instances to what the app wants, stopping ``chosen`` ones first."""
    active = [i for i in instances if i.is_active and i.id not in chosen]
    stop = [i for i in instances if i.id in chosen and i.goal is Goal.RUNNING]
    if len(active) > app.instances:
        order = victims(active, app.kill_selection)
        stop += spread.choose(app, order, len(active) - app.instances)
    return _move(app, instances, active, max(0, app.instances - len(active)), stop)


def roll(app: RunSpec, instances: Sequence[Instance]) -> Move:
    """Replace outdated instances step by step."""
    version = app.config_version
    outdated = [i for i in instances if i.config_version != version]
    if not outdated or app.instances == 0:
        return scale(app, instances)
    new = [i for i in instances if i.config_version == version and i.is_active]
    ready = sum(i.is_ready(app) for i in new)
    old = [i for i in outdated if i.goal is Goal.RUNNING]
    serving = [i for i in old if i.is_serving]
    limit = bounds(app, len(serving) + ready)
    spare = max(0, len(serving) + ready - limit.minimum_serving)
    stop = [i for i in old if not i.is_serving]
    stop += _first_victims(serving, app.kill_selection, spare)
    stop += _first_victims(new, app.kill_selection, len(new) - app.instances)
    existing = sum(i.condition.is_launched for i in instances) + _waiting(new)
    start = max(0, min(app.instances - len(new), limit.maximum_existing - existing))
    return _move(app, instances, new, start, stop)


def explain(app: RunSpec, instances: Sequence[Instance]) -> str:
    """What the app has and waits for, in a sentence."""
    kept = [i for i in instances if i.is_active and not is_outdated(i, app)]
    missing = max(0, app.instances - len(kept))
    parts = [
        (_waiting(kept) + missing, "to be placed on an offer"),
        (sum(_is_starting(i) for i in kept), "to start"),
        (sum(i.is_serving and not i.is_healthy(app) for i in kept), "to become healthy"),
        (sum(i.is_healthy(app) and not i.is_ready(app) for i in kept), "to become ready"),
        (sum(i.healthy is False for i in kept), "to become healthy again"),
        (sum(i.condition.is_lost for i in kept), "to become reachable"),
        (_present(instances) - len(kept), "to end"),
    ]
    texts = [f"{count} instance{'s' * (count != 1)} {what}" for count, what in parts if count]
    ready = sum(i.is_ready(app) for i in kept)
    have = f"{app.id} has {ready} of {app.instances} instances ready"
    return f"{have} and waits for {' and '.join(texts)}" if texts else have


def _move(
    app: RunSpec,
    instances: Sequence[Instance],
    kept: Sequence[Instance],
    start: int,
    stop: Sequence[Instance],
) -> Move:
    is_still = not start and not stop and len(kept) == _present(instances)
    return Move(
        start=start,
        stop=tuple(i.id for i in stop),
        is_done=is_still and all(i.is_ready(app) for i in kept),
    )


def victims(instances: Sequence[Instance], selection: KillSelection) -> list[Instance]:
    """The order in which to stop instances: what serves nobody first, then by age."""
    by_age = sorted(
        instances,
        key=lambda i: (i.staged_at or i.scheduled_at, i.id),
        reverse=selection is KillSelection.YOUNGEST_FIRST,
    )
    return sorted(by_age, key=_usefulness)


def _first_victims(
    instances: Sequence[Instance], selection: KillSelection, count: int
) -> Sequence[Instance]:
    return victims(instances, selection)[:count] if count > 0 else ()


def _usefulness(instance: Instance) -> int:
    if instance.condition is Condition.SCHEDULED:
        return 0
    if instance.condition.is_lost:
        return 1
    return 3 if instance.is_serving else 2


def _present(instances: Sequence[Instance]) -> int:
    """How many there are, but for those that are lost and replaced: nobody waits for these."""
    lost = Condition.UNREACHABLE_INACTIVE
    return sum(i.condition is not lost or i.goal is not Goal.RUNNING for i in instances)


def _waiting(instances: Sequence[Instance]) -> int:
    return sum(i.condition is Condition.SCHEDULED for i in instances)


def _is_starting(instance: Instance) -> bool:
    return instance.condition in (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
