"""Lines that say something of a task: "Dependencies: Task 1, 3", "Est. Time: 3 hours"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from orchestrator.taskmaster.core import ids, marks
from orchestrator.taskmaster.core.model import Field, Status, TaskId

MOST_EXPANDED = 100
"""Paths that one set of braces may stand for."""

_NAMES = {
    Field.STATUS: "status|state",
    Field.PRIORITY: "priority|severity",
    Field.DEPENDENCY: "dependency|dependencies|depends on|blocked by|deps|requires",
    Field.ESTIMATE: r"est\. ?time|est\.?|estimate|estimated|estimated time|estimation|effort"
    "|duration|time",
    Field.DELIVERABLE: "deliverable|deliverables|file|files|output|outputs",
    Field.COMPONENT: "component|area|module",
    Field.DETAIL: "detail|details|description|notes?",
}
_FIELD_OF = {
    name: field for field, names in _NAMES.items() for name in names.replace("?", "").split("|")
}
_FIELD = re.compile(rf"({'|'.join(_NAMES.values())})\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
_COLUMNS = {
    "est": Field.ESTIMATE,
    "est.": Field.ESTIMATE,
    "est. time": Field.ESTIMATE,
    "title": Field.TITLE,
    "name": Field.TITLE,
    "task": Field.TITLE,
    "summary": Field.TITLE,
}
_HOURS = {"m": 1 / 60, "h": 1.0, "d": 8.0, "w": 40.0}
_ESTIMATE = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:(?:-|\u2013|to)\s*(\d+(?:\.\d+)?)\s*)?"
    r"(m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|weeks?)\b",
    re.IGNORECASE,
)
_WAITS = re.compile(r"(?:depends on|blocked by|requires|needs|after)\b\s*:?\s*(.+)", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:est(?:imate)?\.?:?|about|~)\s*", re.IGNORECASE)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[\w.@{},*+~-]+/)*[\w.@{},*+~-]+")
_BRACES = re.compile(r"\{([^{}]*)\}")
_DEPENDENCY = re.compile(
    rf"(?P<position>TASK[_-]\d+)|(?P<key>(?:sub)?tasks?\b)|(?P<mark>{marks.MARK.pattern})"
    r"|(?P<ids>#?\d+(?:\.\d+)?(?:\s*[-\u2013]\s*#?\d+)?(?![\w.]))|(?P<word>\w[\w.'-]*)",
    re.IGNORECASE,
)
_JOINING = {"and", "or", "none", "n", "a", "na"}


class Dependency(NamedTuple):
    """What has to be done before: an id or a TASK_nnn, and the status that was said of it."""

    id: str
    status: Status | None


def field_line(text: str) -> tuple[Field, str] | None:
    """The field and its value, if the line is one."""
    if ":" not in text:
        return None
    found = _FIELD.match(text)
    return (_field(found[1]), found[2].strip()) if found else None


def aside(text: str) -> tuple[Field, str] | None:
    """What brackets in a title say of the task: "(depends on #1)", "(2h)"."""
    waits = _WAITS.fullmatch(text.strip())
    if waits is not None and dependencies(waits[1]):
        return Field.DEPENDENCY, waits[1]
    if _ESTIMATE.fullmatch(_ABOUT.sub("", text.strip())):
        return Field.ESTIMATE, text
    return None


def column(name: str) -> Field | None:
    """What a column of a table is about, by its head."""
    name = name.strip().casefold()
    return _FIELD_OF.get(name) or _COLUMNS.get(name)


def dependencies(text: str) -> list[Dependency]:
    """The tasks of a list, with the mark behind each, or behind each "Task 1, 3"."""
    found: list[Dependency] = []
    group: list[str] = []
    is_open = not _has_words(text)
    for token in _DEPENDENCY.finditer(text):
        match token.lastgroup:
            case "mark":
                found += [Dependency(each, marks.mark_in(token[0])) for each in group]
                group = []
            case "position":
                group.append(token[0].upper().replace("-", "_"))
            case "ids" if is_open or token[0].startswith("#"):
                group += [str(each) for each in ids.parse_list(token[0])]
                is_open = True
            case "key":
                found += [Dependency(each, None) for each in group]
                group, is_open = [], True
            case "word":
                is_open = is_open and token[0].casefold() in _JOINING
            case _:
                pass
    return found + [Dependency(each, None) for each in group]


def estimate_h(text: str) -> float | None:
    """Hours of work; a range counts as its middle, a day as 8 hours, a week as 40."""
    found = _ESTIMATE.search(text)
    if found is None:
        return None
    low = float(found[1])
    middle = (low + float(found[2])) / 2 if found[2] else low
    return round(middle * _HOURS[found[3][0].casefold()], 3)


def deliverables(text: str) -> list[str]:
    """Files that are to exist, braces expanded; and what else is named beside them."""
    paths = _CODE.findall(text)
    rest = _CODE.sub("", text) if paths else text
    named = [part.strip() for part in re.split(r",|;|\band\b", _outside_braces(rest))]
    return [each for path in paths for each in expand(path.strip())] + [
        each for part in named if part for each in expand(_inside_braces(part))
    ]


def code_paths(text: str) -> list[str]:
    """Files that are named in a line about something else."""
    return [
        path
        for code in _CODE.findall(text)
        if is_path(code.strip())
        for path in expand(code.strip())
    ]


def is_path(text: str) -> bool:
    """Whether a deliverable is a file that can be looked for."""
    if not _PATH.fullmatch(text) or text.startswith("/") or ".." in text.split("/"):
        return False
    return "/" in text.strip("/") or bool(re.search(r"\.[A-Za-z]\w*$", text))


def expand(path: str) -> list[str]:
    """``a/{b,c}.yaml`` to ``a/b.yaml`` and ``a/c.yaml``; too many are left as they are."""
    parts = _BRACES.split(path)
    if len(parts) == 1:
        return [path]
    choices = [part.split(",") if n % 2 else [part] for n, part in enumerate(parts)]
    count = 1
    for each in choices:
        count *= len(each)
    return [path] if count > MOST_EXPANDED else ["".join(each) for each in product(*choices)]


def _field(name: str) -> Field:
    name = name.casefold().replace(". ", ".").replace("est.time", "est. time")
    return _FIELD_OF.get(name) or _FIELD_OF.get(name.removesuffix("s")) or Field.ESTIMATE


def _has_words(text: str) -> bool:
    words = (token for token in _DEPENDENCY.finditer(text) if token.lastgroup in {"word", "key"})
    return any(word[0].casefold() not in _JOINING for word in words)


_COMMA = "\0"


def _outside_braces(text: str) -> str:
    return _BRACES.sub(lambda braces: braces[0].replace(",", _COMMA), text)


def _inside_braces(text: str) -> str:
    return text.replace(_COMMA, ",")


def spoken(dependency: Dependency) -> Iterator[tuple[TaskId, Status]]:
    """The status that was said of the dependency itself."""
    task = ids.parse(dependency.id)
    if task is not None and dependency.status is not None and dependency.id[0].isdigit():
        yield task, dependency.status
