"""A plan as Prometheus metrics, in the text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.taskmaster.core.model import Task
from orchestrator.taskmaster.core.summing import summarise

Sample = tuple[str, float]


def to_prometheus(tasks: Sequence[Task]) -> str:
    """All gauges, for the text file collector of the node exporter or a push gateway."""
    summary = summarise(tasks)
    statuses = [(f'{{status="{name}"}}', float(n)) for name, n in summary.by_status.items()]
    priorities = [(f'{{priority="{name}"}}', float(n)) for name, n in summary.by_priority.items()]
    totals = [(_of(part.name), float(part.tasks)) for part in summary.components]
    done = [(_of(part.name), float(part.done)) for part in summary.components]
    return "".join(
        [
            _gauge("tasks", "Tasks by status.", statuses),
            _gauge("open_tasks", "Tasks that are not over, by priority.", priorities),
            _gauge("component_tasks", "Tasks by component.", totals),
            _gauge("component_tasks_done", "Tasks that are done, by component.", done),
            _gauge("tasks_ready", "Tasks that can be worked on.", [("", float(summary.ready))]),
            _gauge("tasks_waiting", "Tasks that wait for others.", [("", float(summary.waiting))]),
            _gauge("done_ratio", "Part of all tasks that is done.", [("", summary.done_ratio)]),
            _gauge("open_hours", "Work that is left, in hours.", [("", summary.open_h)]),
            _gauge(
                "critical_path_hours",
                "Hours of the longest chain of tasks that wait for each other.",
                [("", summary.critical.hours)],
            ),
        ]
    )


def _gauge(name: str, help: str, samples: Iterable[Sample]) -> str:
    lines = [f"taskmaster_{name}{labels} {value:g}\n" for labels, value in samples]
    head = f"# HELP taskmaster_{name} {help}\n# TYPE taskmaster_{name} gauge\n"
    return head + "".join(lines) if lines else ""


def _of(component: str) -> str:
    escaped = component.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{component="{escaped}"}}'
