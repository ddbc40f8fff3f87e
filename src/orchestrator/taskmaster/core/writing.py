"""Statuses back into the document they were read from, and no other byte.

A status is written where the document has it: in a field ("Status: done"), a check box, a cell of a
table, a mark - and where a task's line has none of these, as a mark at the end of it. A document
that is double-encoded gets its marks as it has the others. What is written is read again: a task
that then has another status than it was to have, or another title, is refused, with all
that was to be written for it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.model import Evidence, Field, Plan, Status, TaskId, Weight
from orchestrator.taskmaster.core.mojibake import damage, is_damaged, repair
from orchestrator.taskmaster.core.reading import read_text

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_END = re.compile(r"[ \t]*(?:#+[ \t]*)?[\r\n]*$")
_BOX = re.compile(r"\[[ xX~\-/>!]\]")
_FIELD = re.compile(r"(?:status|state)\W*:", re.IGNORECASE)
_BOX_OF = {Status.DONE: "[x]", Status.IN_PROGRESS: "[-]", Status.CANCELLED: "[~]"} | {
    Status.DEFERRED: "[>]",
    Status.BLOCKED: "[!]",
}
Statuses = Mapping[TaskId, Status]


class Written(NamedTuple):
    """The document with its new statuses, and the tasks whose status could not be written."""

    text: str
    refused: tuple[TaskId, ...]


def write_back(text: str, statuses: Statuses) -> Written:
    """Have the document say these statuses; tasks it does not know are refused."""
    plan = read_text(text, "")
    wanted = {task.id: statuses.get(task.id, task.status) for task in plan.tasks}
    unknown = [id for id in statuses if id not in wanted]
    changed = {task.id for task in plan.tasks if wanted[task.id] is not task.status}
    changed -= _sharing(plan, wanted, changed)
    written = _written(text, plan, wanted, changed)
    while wrong := _wrong(written, plan, wanted, changed):
        changed -= wrong
        written = _written(text, plan, wanted, changed)
    missed = [t.id for t in plan.tasks if wanted[t.id] is not t.status and t.id not in changed]
    return Written(written, (*unknown, *missed))


def _sharing(plan: Plan, wanted: Statuses, changed: Iterable[TaskId]) -> set[TaskId]:
    """Tasks that have a line in common with one that is to have another status."""
    of_line: dict[int, set[TaskId]] = {}
    for task in plan.tasks:
        for line in _places(task.evidence):
            of_line.setdefault(line, set()).add(task.id)
    shared = [ids for ids in of_line.values() if len({wanted[id] for id in ids}) > 1]
    return {id for id in changed if any(id in ids for ids in shared)}


def _wrong(text: str, plan: Plan, wanted: Statuses, changed: set[TaskId]) -> set[TaskId]:
    found = {task.id: task for task in read_text(text, "").tasks}
    if found.keys() != wanted.keys():
        return set(changed)
    titles = {task.id: task.title for task in plan.tasks}
    if any(found[id].title != title for id, title in titles.items() if id not in changed):
        return set(changed)
    return {
        id for id in changed if found[id].status is not wanted[id] or found[id].title != titles[id]
    }


def _written(text: str, plan: Plan, wanted: Statuses, changed: Container[TaskId]) -> str:
    lines = _LINE.findall(text)
    is_double = is_damaged(text)
    for task in plan.tasks:
        if task.id not in changed:
            continue
        for number, kinds in _places(task.evidence).items():
            lines[number - 1] = _line(lines[number - 1], wanted[task.id], kinds, is_double)
    return "".join(lines)


def _places(evidence: Iterable[Evidence]) -> dict[int, set[int]]:
    """The lines that say a task's status, or should: each with the weights of what is there."""
    places: dict[int, set[int]] = {}
    for each in evidence:
        if each.field is Field.STATUS and each.weight > Weight.HEADING:
            places.setdefault(each.line, set()).add(each.weight)
        elif each.field is Field.TITLE and each.weight in {Weight.LINE, Weight.TAG}:
            places.setdefault(each.line, set())
    has_field = any(weights & {Weight.FIELD, Weight.BOX} for weights in places.values())
    if has_field:
        places = {line: weights for line, weights in places.items() if weights}
    return places


def _line(line: str, status: Status, weights: set[int], is_double: bool) -> str:
    new = damage(marks.MARK_OF[status]) if is_double else marks.MARK_OF[status]
    if Weight.FIELD in weights:
        return _field(line, status, new)
    box = _BOX.search(line) if Weight.BOX in weights else None
    if box is not None:
        line = line[: box.start()] + _BOX_OF.get(status, "[ ]") + line[box.end() :]
    elif Weight.BOX in weights:
        return _row(line, status, new)
    mark = _last_mark(line)
    if mark is not None:
        return line[: mark[0]] + new + line[mark[1] :]
    if box is not None and status is not Status.REVIEW:
        return line
    end = _END.search(line)
    at = end.start() if end is not None else len(line)
    return f"{line[:at]} {new}{line[at:]}"


def _field(line: str, status: Status, new: str) -> str:
    name = _FIELD.search(line)
    at = name.end() if name is not None else 0
    return line[:at] + _value(line[at:], status, new)


def _row(line: str, status: Status, new: str) -> str:
    """The last cell of a row that says a status."""
    cells = line.split("|")
    for n in range(len(cells) - 1, -1, -1):
        if marks.status_in(repair(cells[n])) is not None:
            cells[n] = _value(cells[n], status, new)
            break
    return "|".join(cells)


def _value(value: str, status: Status, new: str) -> str:
    """A mark by a mark, a word by a word."""
    mark = _last_mark(value)
    if mark is not None:
        value = value[: mark[0]] + new + value[mark[1] :]
    return marks.replace_word(value, status)


def _last_mark(line: str) -> tuple[int, int] | None:
    """Where it is, also if it is double-encoded."""
    found = None
    for each in _RAW.finditer(line):
        found = each
    return found.span() if found is not None else None


_RAW = re.compile(
    "|".join(
        [f"{re.escape(damage(mark))}(?:{re.escape(damage(chr(0xFE0F)))})?" for mark in marks.ALL]
        + [marks.MARK.pattern]
    )
)
