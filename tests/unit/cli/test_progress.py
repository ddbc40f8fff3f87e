"""What the follower of a deployment says about an app."""

from orchestrator.cli.client.progress import progress_of, removal_of
from orchestrator.cli.client.wire import (
    App,
    HealthCheckResult,
    MarathonTask,
    OfferSummary,
    QueueDelay,
    QueueItem,
    Reject,
    TaskFailure,
    VersionInfo,
)

OLD, NEW = "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.002Z"


def _task(
    version: str = NEW, state: str = "TASK_RUNNING", alive: bool | None = None
) -> MarathonTask:
    results = None if alive is None else [HealthCheckResult(alive=alive)]
    return MarathonTask(id="t", state=state, version=version, health_check_results=results)


def _app(*tasks: MarathonTask, instances: int = 1, has_checks: bool = False) -> App:
    return App(
        id="/web",
        instances=instances,
        version=NEW,
        version_info=VersionInfo(last_config_change_at=NEW),
        tasks=list(tasks),
        health_checks=[{}] if has_checks else [],
    )


def test_nothing_is_missing_when_all_instances_run() -> None:
    assert str(progress_of(_app(_task()), None)) == "/web: 1 of 1 ready"


def test_a_starting_instance_is_not_ready() -> None:
    progress = progress_of(_app(_task(state="TASK_STAGING")), None)
    assert str(progress) == "/web: 0 of 1 ready: 1 starting"


def test_an_instance_with_checks_is_ready_when_healthy() -> None:
    unknown, sick, well = _task(), _task(alive=False), _task(alive=True)
    progress = progress_of(_app(unknown, sick, well, instances=3, has_checks=True), None)
    assert (progress.ready, progress.waits_for) == (1, "2 not yet healthy")


def test_instances_of_the_previous_version_do_not_count() -> None:
    progress = progress_of(_app(_task(OLD), _task()), None)
    assert (progress.ready, progress.waits_for) == (1, "1 of the previous version to end")


def test_scaling_down_waits_for_instances_to_end() -> None:
    progress = progress_of(_app(_task(), _task(), instances=1), None)
    assert str(progress) == "/web: 1 of 1 ready: 1 to end"


def test_a_launch_that_finds_no_offer_says_what_is_missing() -> None:
    rejects = [Reject("InsufficientCpus", 3), Reject("InsufficientPorts", 0), Reject("Novel", 1)]
    queued = QueueItem(count=1, processed_offers_summary=OfferSummary(rejects))
    waits_for = progress_of(_app(), queued).waits_for
    assert waits_for == "waiting for an offer with enough cpus and Novel"


def test_a_launch_that_is_held_back_says_how_long_and_why() -> None:
    failure = TaskFailure(message="Command exited with status 1", timestamp=NEW)
    app = App(id="/web", instances=1, version=NEW, last_task_failure=failure)
    queued = QueueItem(count=1, delay=QueueDelay(time_left_seconds=12.4, overdue=False))
    assert progress_of(app, queued).waits_for == (
        "next start in 12 s (the last one failed: Command exited with status 1)"
    )


def test_a_failure_of_an_earlier_version_is_not_mentioned() -> None:
    failure = TaskFailure(message="old news", timestamp=OLD)
    app = App(id="/web", instances=1, version=NEW, last_task_failure=failure)
    assert progress_of(app, QueueItem(count=1)).waits_for == "waiting for an offer"


def test_a_removal_counts_what_is_left() -> None:
    assert str(removal_of(_app(_task(), _task()))) == "/web: 0 of 0 ready: 2 to end"
