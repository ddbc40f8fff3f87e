"""Statistics of an app's tasks, by what they run."""

from msgspec.structs import replace
from tests.unit.marathon.cluster import update

from orchestrator.marathon.adapters.api.task_stats import Stats, task_stats
from orchestrator.marathon.core.apps import normalisation
from orchestrator.marathon.core.apps.app_parts import Part
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.instance import Instance

OLD, CONFIGURED, SCALED = "2026-01-01", "2026-02-01", "2026-03-01"
PLAIN = normalisation.complete("/a", update(id="/a", cmd="x"), None, "*")
APP = replace(PLAIN.stamped(CONFIGURED, None), instances=9)
APP = replace(APP, version_info=replace(APP.version_info, last_scaling_at=SCALED))


def instance(version: str, condition: Condition = Condition.RUNNING, **more: object) -> Instance:
    plain = Instance.scheduled(replace(APP, version=version), version + str(more), 0.0)
    return replace(plain, condition=condition, **more)


def running(stats: Stats | None) -> int | None:
    return stats.stats.counts.running if stats else None


def test_tasks_count_where_their_version_belongs() -> None:
    stats = task_stats(APP, [instance(v) for v in (OLD, CONFIGURED, SCALED)], 0.0)
    assert running(stats.with_outdated_config) == 1
    assert running(stats.with_latest_config) == 2
    assert running(stats.started_after_last_scaling) == 1
    assert running(stats.total_summary) == 3


def test_a_set_without_tasks_is_left_out() -> None:
    stats: Part = task_stats(APP, [instance(OLD)], 0.0)
    assert stats == task_stats(APP, [instance(OLD), instance(OLD, Condition.SCHEDULED)], 0.0)
    assert task_stats(APP, [instance(SCALED, Condition.SCHEDULED)], 0.0).total_summary is None


def test_staged_tasks_have_no_state_yet() -> None:
    conditions = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
    stats = task_stats(APP, [instance(SCALED, condition) for condition in conditions], 0.0)
    assert stats.total_summary
    assert stats.total_summary.stats.counts.staged == 2
    assert stats.total_summary.stats.life_time is None


def test_the_life_time_has_its_average_and_the_upper_median() -> None:
    stats = task_stats(APP, [instance(SCALED, started_at=at) for at in (10.0, 70.0)], 100.0)
    assert stats.total_summary
    life = stats.total_summary.stats.life_time
    assert life
    assert (life.average_seconds, life.median_seconds) == (60.0, 90.0)


def test_only_tasks_that_are_checked_are_healthy_or_not() -> None:
    some = [instance(SCALED, healthy=healthy, started_at=1.0) for healthy in (True, False, None)]
    counts = task_stats(APP, some, 2.0).total_summary
    assert counts
    assert (counts.stats.counts.healthy, counts.stats.counts.unhealthy) == (1, 1)
