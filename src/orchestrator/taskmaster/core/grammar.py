"""What a line defines: a task by its id, an entry by its position, or a tag at its end.

Task 5 - Docker Integration (CRITICAL)      a definition; also "Tasks 8-9: ...", "Subtask 21.3"
TASK_034 [HIGH]: **Task 5** - Docker ...    an entry, whose text is a line again
Prometheus metrics (Task 16)                a tag: the line is about the task, in passing
Task 5 completed                            a line of a log
"""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestrator.taskmaster.core import fields, ids, marks
from orchestrator.taskmaster.core.model import Field, Priority, Status, TaskId

_MARK = marks.MARK.pattern
_DEFINITION = re.compile(
    rf"(?:(?:{_MARK})\s*)*(?:\d+[.)]\s+)?(?:sub)?tasks?\s*#?"
    r"(?P<ids>\d{1,6}(?:\.\d{1,4}|\s*[-\u2013]\s*\d{1,6})?)(?![\d.]*\d)"
    rf"\s*(?P<before>(?:{_MARK})?)\s*(?:(?:[:.\u2013\u2014|-]+|(?=\())\s*(?P<title>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED = re.compile(r"#?(?P<ids>\d{1,6}(?:\.\d{1,4})?)[.):]?\s+(?P<title>.*)", re.DOTALL)
_ENTRY = re.compile(r"TASK[_-](\d{1,6})\s*(?:\[([^\]]*)\])?\s*[:\u2013\u2014-]\s*(.*)", re.DOTALL)
_TAG = re.compile(
    r"\(\s*tasks?\s*#?(\d{1,6}(?:\.\d{1,4})?(?:\s*(?:[-\u2013,&]|and)\s*#?\d{1,6})*)\s*([\w -]*)\)",
    re.IGNORECASE,
)
_LOG = re.compile(
    r"\btask\s+#?(\d{1,6}(?:\.\d{1,4})?)\s+"
    r"(started|completed|done|finished|blocked|cancelled|skipped)\b",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[-:\u2013\u2014|]\s*([\w -]+)$")


class Definition(NamedTuple):
    """A line that is about these tasks; ``status`` by a mark, ``word`` by a word of it, ``asides``
    are the fields that its title has in brackets."""

    ids: tuple[TaskId, ...]
    title: str
    status: Status | None
    word: Status | None
    priority: Priority | None
    asides: tuple[tuple[Field, str], ...] = ()


class EntryLine(NamedTuple):
    """A TASK_nnn."""

    position: int
    priority: Priority | None
    text: str


def definition(text: str) -> Definition | None:
    """The line as the definition of a task."""
    if "ask" not in text and "ASK" not in text:
        return None
    found = _DEFINITION.fullmatch(text)
    return _defined(found["ids"], found["title"] or "", text) if found else None


def numbered(text: str) -> Definition | None:
    """The text of a check box as a definition: "1.2 Write the docs"."""
    found = _NUMBERED.fullmatch(text)
    return _defined(found["ids"], found["title"], text) if found else None


def entry(text: str) -> EntryLine | None:
    """The line as an entry."""
    found = _ENTRY.match(text) if text.startswith("TASK") else None
    if found is None:
        return None
    return EntryLine(int(found[1]), marks.priority_of(found[2] or ""), found[3].strip())


def tag(text: str) -> Definition | None:
    """The line as something else that says which task it belongs to."""
    found = _TAG.search(text) if "ask" in text else None
    if found is None:
        return None
    title = marks.without_marks(text[: found.start()] + text[found.end() :])
    word = marks.status_of(found[2])
    return Definition(tuple(ids.parse_list(found[1])), title, marks.mark_in(text), word, None)


def logged(text: str) -> tuple[TaskId, Status] | None:
    """What a line of a log says of a task."""
    found = _LOG.search(text)
    task = ids.parse(found[1]) if found else None
    status = marks.status_of(found[2]) if found else None
    return (task, status) if task is not None and status is not None else None


def _defined(numbers: str, title: str, text: str) -> Definition:
    asides = marks.asides(title)
    words = [word for aside in asides if (word := marks.status_of(aside))]
    if not words and (trailing := _TRAILING.search(title)):
        words = [word for word in [marks.status_of(trailing[1])] if word]
        title = title[: trailing.start()] if words else title
    said = {each: field for each in asides if (field := fields.aside(each))}
    for each in said:
        title = title.replace(f"({each})", "").replace(f"[{each}]", "")
    urgencies = [found for aside in asides if (found := marks.priority_in(aside))]
    return Definition(
        tuple(ids.parse_list(numbers)),
        marks.without_marks(title),
        marks.mark_in(text),
        words[-1] if words else None,
        urgencies[-1] if urgencies else None,
        tuple(said.values()),
    )
