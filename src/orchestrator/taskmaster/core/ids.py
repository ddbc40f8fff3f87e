"""Ids of tasks as people write them: 5, #5, Task 5, TASK_005, 21.3."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.taskmaster.core.model import Entry, TaskId

LARGEST = 999_999
MOST_IN_A_RANGE = 1_000
_ID = re.compile(r"(?:#|task\s*#?\s*)?(\d{1,6})(?:\.(\d{1,4}))?", re.IGNORECASE)
_POSITION = re.compile(r"TASK[_-](\d{1,6})", re.IGNORECASE)
_RANGE = re.compile(r"#?(\d{1,6})(?:\.(\d{1,4}))?(?:\s*[-\u2013\u2014]\s*#?(\d{1,6})(?![\d.]))?")


def parse(text: str, entries: Iterable[Entry] = ()) -> TaskId | None:
    """The task meant; None if it is no id. TASK_005 is the task that the fifth entry belongs to,
    or where it belongs to none, number 5."""
    text = text.strip()
    if position := _POSITION.fullmatch(text):
        number = int(position[1])
        folded = (entry.task for entry in entries if entry.position == number)
        return next(folded, None) or TaskId(number)
    if found := _ID.fullmatch(text):
        return TaskId(int(found[1]), int(found[2] or 0))
    return None


def parse_list(text: str) -> list[TaskId]:
    """All ids of a list as "1, 3 and 8-12"; a range that makes no sense is its first number."""
    found: list[TaskId] = []
    for first, sub, last in _RANGE.findall(text):
        number = int(first)
        end = int(last) if last and not sub else number
        is_range = number < end <= number + MOST_IN_A_RANGE
        found += [
            TaskId(n, int(sub or 0)) for n in range(number, (end if is_range else number) + 1)
        ]
    return found
