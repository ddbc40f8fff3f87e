"""What the headings above a line say of it."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.model import Priority, Status, TaskId

_NUMBER = re.compile(r"^(?:phase|milestone|epic|sprint|part|section)?\s*[\d.]+\s*[:.)-]?\s+", re.I)
_ASIDE = re.compile(r"\([^()]*\)")
_NOT_A_NAME = re.compile(
    r"\b(tasks?|status|requirements?|overview|introduction|summary|progress|implementation wave"
    r"|document information|specifications?|original content|priority|appendix)\b",
    re.IGNORECASE,
)


class Section(NamedTuple):
    """The heading's level, and what it lends to the lines below it."""

    level: int = 0
    status: Status | None = None
    priority: Priority | None = None
    component: str = ""
    task: TaskId | None = None


class Sections:
    """The headings that a line stands below."""

    def __init__(self) -> None:
        self._stack = [Section()]

    @property
    def current(self) -> Section:
        """What holds for the next line."""
        return self._stack[-1]

    def enter(self, level: int, text: str, task: TaskId | None) -> None:
        """A heading. One that is no task's lends what it says, and passes on what it does not."""
        while self._stack[-1].level >= level:
            self._stack.pop()
        above = self.current
        if task is not None:
            self._stack.append(above._replace(level=level, task=task))
            return
        is_detail = above.task is not None
        self._stack.append(
            Section(
                level,
                marks.status_of_heading(text) or above.status,
                _priority(text) or above.priority,
                above.component if is_detail else _component(level, text) or above.component,
                above.task,
            )
        )


def _priority(text: str) -> Priority | None:
    found = [marks.priority_in(aside) for aside in marks.asides(text)]
    return next((each for each in found if each is not None), None)


def _component(level: int, text: str) -> str:
    """A section's name without its number, if it is about a part of the system."""
    text = _ASIDE.sub("", text)
    if level == 1 or marks.has_status_word(text) or _NOT_A_NAME.search(text):
        return ""
    return _NUMBER.sub("", marks.without_marks(text)).strip()
