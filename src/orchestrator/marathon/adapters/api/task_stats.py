"""``embed=apps.taskStats``: how the tasks of an app are, by what they run.

Source: TaskStatsByVersion.scala and TaskForStatistics.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import Part
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.instance import Instance

_STAGED = (Condition.PROVISIONED, Condition.STAGING)


class Counts(Part):
    """How many tasks are in which state; those without health checks are neither of the last."""

    staged: int
    running: int
    healthy: int
    unhealthy: int


class LifeTime(Part):
    """How long tasks have been running."""

    average_seconds: float
    median_seconds: float


class Numbers(Part):
    """Of one set of tasks."""

    counts: Counts
    life_time: LifeTime | None = None


class Stats(Part):
    """The numbers, under the key that Marathon puts them under."""

    stats: Numbers


class TaskStats(Part):
    """Of all tasks, and of those of the newest definition and of older ones; no set is empty."""

    started_after_last_scaling: Stats | None = None
    with_latest_config: Stats | None = None
    with_outdated_config: Stats | None = None
    total_summary: Stats | None = None


def task_stats(app: App, instances: Sequence[Instance], now: float) -> TaskStats:
    """The statistics of an app at ``now``; versions are times, and compare as such."""
    launched = [i for i in instances if i.condition is not Condition.SCHEDULED]
    scaled_at = app.version_info.last_scaling_at
    changed_at = app.version_info.last_config_change_at
    return TaskStats(
        started_after_last_scaling=_stats([i for i in launched if i.version >= scaled_at], now),
        with_latest_config=_stats([i for i in launched if i.version >= changed_at], now),
        with_outdated_config=_stats([i for i in launched if i.version < changed_at], now),
        total_summary=_stats(launched, now),
    )


def _stats(instances: Sequence[Instance], now: float) -> Stats | None:
    if not instances:
        return None
    counts = Counts(
        staged=sum(i.condition in _STAGED for i in instances),
        running=sum(i.condition is Condition.RUNNING for i in instances),
        healthy=sum(i.healthy is True for i in instances),
        unhealthy=sum(i.healthy is False for i in instances),
    )
    ages = sorted(now - i.started_at for i in instances if i.started_at is not None)
    return Stats(stats=Numbers(counts=counts, life_time=_life_time(ages)))


def _life_time(ages: Sequence[float]) -> LifeTime | None:
    if not ages:
        return None
    middle = ages[len(ages) // 2]
    return LifeTime(
        average_seconds=round(sum(ages) / len(ages), 3), median_seconds=round(middle, 3)
    )
