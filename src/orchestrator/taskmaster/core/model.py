"""What a document is read into: tasks, and for every field of them where it came from.

A document names a task in two ways. "Task 5" is an id, which the document uses for it everywhere;
TASK_005 is the fifth entry of a list, and says nothing of "Task 5". Entries that repeat what is
said of a task elsewhere are folded into it; where no ids are used at all, entries are the tasks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

MOST_BYTES = 16_000_000
"""Of a document."""


class DocumentError(ValueError):
    """A document that cannot be read: what is wrong with it, as a sentence."""


class Status(StrEnum):
    """How far a task is; the words of task-master-ai."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    REVIEW = "review"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"

    @property
    def is_open(self) -> bool:
        """Whether it can be worked on once its dependencies are met."""
        return self in {Status.PENDING, Status.IN_PROGRESS}

    @property
    def is_met(self) -> bool:
        """Whether what depends on the task need not wait for it any more."""
        return self in {Status.DONE, Status.CANCELLED}


class Priority(StrEnum):
    """How much it matters; CRITICAL comes first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Priority).index(self)


class TaskId(NamedTuple):
    """A task, or a subtask of it (``21.3``)."""

    number: int
    sub: int = 0

    def __str__(self) -> str:
        return f"{self.number}.{self.sub}" if self.sub else str(self.number)


class Field(StrEnum):
    """What evidence can be about."""

    TITLE = "title"
    STATUS = "status"
    PRIORITY = "priority"
    DEPENDENCY = "dependency"
    ESTIMATE = "estimate"
    DELIVERABLE = "deliverable"
    COMPONENT = "component"
    DETAIL = "detail"


class Weight:
    """How much a piece of evidence counts, by where it stands."""

    FIELD = 100  # "Status: done" below the task
    MARK = 95  # a mark in the task's own line
    BOX = 90  # its check box, or its cell of a table
    LINE = 80  # the words of its own line
    BRACKET = 60  # the [HIGH] of an entry that repeats it
    TAG = 50  # "... (Task 5)" at the end of a line about something else
    HEADING = 40  # the section it stands in
    ASIDE = 30  # said of it elsewhere: as a dependency, in a log


class Evidence(msgspec.Struct, frozen=True):
    """One thing that one line says of one task. Lines are counted from 1."""

    id: TaskId
    field: Field
    value: str
    line: int
    weight: int


class Conflict(msgspec.Struct, frozen=True):
    """Lines that do not agree; ``chosen`` is what weighed most."""

    id: TaskId
    field: Field
    chosen: Evidence
    others: tuple[Evidence, ...]


class Drift(msgspec.Struct, frozen=True):
    """What a document declares about itself, and does not bear out."""

    line: int
    what: str
    declared: str
    found: str


class Entry(msgspec.Struct, frozen=True):
    """One TASK_nnn: its place in the list, and the task it was folded into, if any."""

    position: int
    line: int
    priority: Priority | None
    text: str
    task: TaskId | None = None


class Task(msgspec.Struct, frozen=True):
    """A task as the document has it. ``line`` is that of its fullest definition."""

    id: TaskId
    title: str
    line: int
    status: Status = Status.PENDING
    priority: Priority = Priority.MEDIUM
    dependencies: tuple[TaskId, ...] = ()
    estimate_h: float | None = None
    deliverables: tuple[str, ...] = ()
    component: str = ""
    details: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Level(StrEnum):
    """Whether a finding makes a document invalid."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True):
    """Something wrong with a document or a plan, as a sentence; line 0 if it has none."""

    level: Level
    message: str
    line: int = 0


class Plan(msgspec.Struct, frozen=True):
    """All that was read from one document, tasks in its own order."""

    name: str
    tasks: tuple[Task, ...] = ()
    entries: tuple[Entry, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    drifts: tuple[Drift, ...] = ()
    findings: tuple[Finding, ...] = ()

    def find(self, id: TaskId) -> Task | None:
        """The task of that id."""
        return next((task for task in self.tasks if task.id == id), None)
