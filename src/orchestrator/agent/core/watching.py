"""Watches the tasks that run: their checks, and the moment by which they have to have ended.

Only tasks that this agent runs itself are watched; a framework's own executor does that for its
tasks. Watching begins when a task is first seen to run, and again when a restarted agent finds it
running; it ends with the task, or with the order to end it. Who has to die is said, not done:
killing is the runner's business.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core import status
from orchestrator.agent.core.checking.checks import Checks
from orchestrator.agent.core.checking.results import HealthChange
from orchestrator.agent.core.deadlines import Deadlines
from orchestrator.agent.core.messages import Probed, RunProbe, StopProbes
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.task import Condition, Goal, Task

MAX_PENDING = 16  # updates of a task; beyond that a newer check replaces the one before it


class Watcher:
    """Watches tasks of the reporter's book."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._checks = Checks()
        self._overdue: Deadlines[str] = Deadlines()

    def begin(self, task_id: str, now: float) -> None:
        """Watch a task, if it runs and shall, and is not watched already."""
        task = self._reporter.book.get(task_id)
        if task is None or task.containerizer is None or task.goal is not Goal.RUN:
            return
        if task.condition is not Condition.RUNNING:
            return
        if task.complete_by is not None:
            self._overdue.set(task.id, task.complete_by)
        started_at = now if task.started_at is None else task.started_at
        if (check := task.info.check) is not None:
            last = task.latest.check_status if task.latest else None
            self._checks.begin_check(task.id, check, started_at=started_at, last=last, now=now)
        if (health_check := task.info.health_check) is not None:
            self._checks.begin_health_check(
                task.id, health_check, started_at=started_at, last=task.health, now=now
            )

    def end(self, task_id: str) -> Effects:
        """Watch it no more."""
        self._overdue.drop(task_id)
        return [StopProbes(container_id=task_id)] if self._checks.end(task_id) else []

    def wake_at(self) -> float | None:
        """When something is due."""
        moments = (self._checks.wake_at(), self._overdue.next_at())
        return min((moment for moment in moments if moment is not None), default=None)

    def checks_due(self, now: float) -> Effects:
        """The tries that are due."""
        return [RunProbe(probe=probe) for probe in self._checks.wake(now)]

    def overdue(self, now: float) -> list[Task]:
        """The tasks that should have ended by now; each is named once."""
        tasks = (self._reporter.book.get(task_id) for task_id in self._overdue.due(now))
        return [task for task in tasks if task is not None and not task.has_ended]

    def probed(self, event: Probed, now: float) -> tuple[Effects, Task | None]:
        """Tell what a try brought, and which task has to die for it."""
        news = self._checks.judge(
            event.container_id, event.purpose, event.number, event.outcome, now
        )
        task = self._reporter.book.get(event.container_id)
        if news is None or task is None or task.latest is None:
            return [], None
        update = status.of_check(task.latest, news, self._reporter.ids.update_uuid(), now)
        task = _make_room(task)
        if not isinstance(news, HealthChange):
            return self._reporter.forward(task, update, now), None
        effects = self._reporter.forward(replace(task, health=news.health), update, now)
        return effects, self._reporter.book.get(task.id) if news.must_die else None


def _make_room(task: Task) -> Task:
    """While nobody acknowledges, only the newest of many results waits; each tells all there is."""
    is_long = len(task.updates) >= MAX_PENDING
    if is_long and task.updates[-1].reason in status.CHECK_REASONS:
        return replace(task, updates=task.updates[:-1])
    return task
