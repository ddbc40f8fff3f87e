"""The rules of ``deployment.rolling`` said of plain lists, which are gone through every time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import KillSelection
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment import spread
from orchestrator.marathon.core.deployment.rolling import Move, bounds
from orchestrator.marathon.core.instance import Instance


def scale(app: App, everybody: Sequence[Instance], chosen: Collection[str] = ()) -> Move:
    instances = in_use(everybody)
    active = [i for i in instances if i.is_active and i.id not in chosen]
    stop = [i for i in instances if i.id in chosen and i.goal is Goal.RUNNING]
    if len(active) > app.instances:
        ordered = victims(active, app.kill_selection)
        stop += spread.choose(app, ordered, len(active) - app.instances)
    return move(app, instances, active, max(0, app.instances - len(active)), stop)


def roll(app: App, everybody: Sequence[Instance]) -> Move:
    instances = in_use(everybody)
    outdated = [i for i in instances if i.config_version != app.config_version]
    if not outdated or app.instances == 0:
        return scale(app, instances)
    new = [i for i in instances if i.config_version == app.config_version and i.is_active]
    ready = sum(i.is_ready(app) for i in new)
    old = [i for i in outdated if i.goal is Goal.RUNNING]
    serving = [i for i in old if i.is_serving]
    limit = bounds(app, len(serving) + ready)
    spare = max(0, len(serving) + ready - limit.minimum_serving)
    stop = [i for i in old if not i.is_serving]
    stop += victims(serving, app.kill_selection)[:spare]
    stop += victims(new, app.kill_selection)[: max(0, len(new) - app.instances)]
    waiting = sum(i.condition is Condition.SCHEDULED for i in new)
    existing = sum(i.condition.is_launched for i in instances) + waiting
    start = max(0, min(app.instances - len(new), limit.maximum_existing - existing))
    return move(app, instances, new, start, stop)


def in_use(instances: Sequence[Instance]) -> list[Instance]:
    return [i for i in instances if not i.is_out_of_use]


def victims(instances: Sequence[Instance], selection: KillSelection) -> list[Instance]:
    is_reversed = selection is KillSelection.YOUNGEST_FIRST
    by_age = sorted(
        instances, key=lambda i: (i.staged_at or i.scheduled_at, i.id), reverse=is_reversed
    )
    return sorted(by_age, key=usefulness)


def usefulness(instance: Instance) -> int:
    if instance.condition is Condition.SCHEDULED:
        return 0
    if instance.condition.is_lost:
        return 1
    return 3 if instance.is_serving else 2


def move(
    app: App,
    instances: Sequence[Instance],
    kept: Sequence[Instance],
    start: int,
    stop: Sequence[Instance],
) -> Move:
    lost = Condition.UNREACHABLE_INACTIVE
    present = sum(i.condition is not lost or i.goal is not Goal.RUNNING for i in instances)
    is_still = not start and not stop and len(kept) == present
    is_done = is_still and all(i.is_ready(app) for i in kept)
    return Move(start=start, stop=tuple(i.id for i in stop), is_done=is_done)
