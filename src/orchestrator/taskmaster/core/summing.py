"""A plan in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.taskmaster.core import choosing, graph
from orchestrator.taskmaster.core.graph import UNKNOWN_H, Path
from orchestrator.taskmaster.core.model import Priority, Status, Task


class Part(NamedTuple):
    """The tasks of a component."""

    name: str
    tasks: int
    done: int


class Summary(NamedTuple):
    """Counts are of tasks, ``open_h`` of hours; a task without an estimate counts as one."""

    total: int
    by_status: Mapping[Status, int]
    by_priority: Mapping[Priority, int]
    components: tuple[Part, ...]
    ready: int
    waiting: int
    open_h: float
    critical: Path

    @property
    def done_ratio(self) -> float:
        """How much of what is not cancelled is done; 1 of an empty plan."""
        counted = self.total - self.by_status[Status.CANCELLED]
        return self.by_status[Status.DONE] / counted if counted else 1.0


def summarise(tasks: Sequence[Task]) -> Summary:
    """The numbers of a plan."""
    statuses = Counter(task.status for task in tasks)
    priorities = Counter(task.priority for task in tasks if not task.status.is_met)
    totals = Counter(task.component for task in tasks if task.component)
    done = Counter(task.component for task in tasks if task.status is Status.DONE)
    hours = [t.estimate_h for t in tasks if not t.status.is_met]
    return Summary(
        len(tasks),
        {status: statuses[status] for status in Status},
        {priority: priorities[priority] for priority in Priority},
        tuple(Part(name, count, done[name]) for name, count in totals.items()),
        len(choosing.ready(tasks)),
        len(choosing.waiting(tasks)),
        sum(UNKNOWN_H if each is None else each for each in hours),
        graph.critical_path(tasks),
    )
