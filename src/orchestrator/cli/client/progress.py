"""How far an app is in a deployment, and what it waits for.

Ready are the instances of the wanted version that run, and are healthy where the app has health
checks. The wanted version of an instance is the app's last change that needs new tasks: scaling
keeps the tasks there are.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.cli.client.wire import App, MarathonTask, QueueItem

_REASONS = {
    "InsufficientCpus": "enough cpus",
    "InsufficientMemory": "enough memory",
    "InsufficientDisk": "enough disk",
    "InsufficientGpus": "enough gpus",
    "InsufficientPorts": "the ports",
    "UnfulfilledRole": "the role",
    "UnfulfilledConstraint": "what the constraints ask for",
    "NoCorrespondingReservationFound": "the reservation",
}


class Progress(NamedTuple):
    """One app in a deployment; ``waits_for`` is empty when nothing is missing."""

    app_id: str
    ready: int
    wanted: int
    waits_for: str

    def __str__(self) -> str:
        """One line, for where there is no terminal."""
        waits_for = f": {self.waits_for}" if self.waits_for else ""
        return f"{self.app_id}: {self.ready} of {self.wanted} ready{waits_for}"


def progress_of(app: App, queued: QueueItem | None) -> Progress:
    """Judge an app by its tasks and, where it waits for a launch, by its place in the queue."""
    tasks = app.tasks or []
    wanted_version = app.version_info.last_config_change_at if app.version_info else app.version
    current = [task for task in tasks if (task.version or "") >= wanted_version]
    running = [task for task in current if task.state == "TASK_RUNNING"]
    ready = [task for task in running if _is_healthy(task, app)]
    parts = (
        _launches(app, queued) if len(current) < app.instances else "",
        _count(len(current) - len(running), "starting"),
        _count(len(running) - len(ready), "not yet healthy"),
        _count(len(tasks) - len(current), "of the previous version to end"),
        _count(len(current) - app.instances, "to end"),
    )
    waits_for = ", ".join(filter(None, parts))
    return Progress(app.id, min(len(ready), app.instances), app.instances, waits_for)


def removal_of(app: App) -> Progress:
    """The progress of an app that is being removed."""
    return Progress(app.id, 0, 0, _count(len(app.tasks or []), "to end"))


def _launches(app: App, queued: QueueItem | None) -> str:
    if queued is None:
        return "waiting for a launch"
    if queued.delay is not None and not queued.delay.overdue:
        return f"next start in {queued.delay.time_left_seconds:.0f} s{_last_failure(app)}"
    return f"waiting for an offer{_missing(queued)}{_last_failure(app)}"


def _missing(queued: QueueItem) -> str:
    summary = queued.processed_offers_summary
    rejects = summary.reject_summary_last_offers if summary is not None else []
    missing = [_REASONS.get(reject.reason, reject.reason) for reject in rejects if reject.declined]
    return f" with {' and '.join(missing)}" if missing else ""


def _last_failure(app: App) -> str:
    failure = app.last_task_failure
    if failure is None or failure.timestamp < app.version:
        return ""
    return f" (the last one failed: {failure.message or failure.state})"


def _is_healthy(task: MarathonTask, app: App) -> bool:
    results = task.health_check_results or []
    is_checked = len(results) >= len(app.health_checks or [])
    return is_checked and all(result.alive for result in results)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number > 0 else ""
