"""Words and marks for how far a task is and how much it matters."""

from __future__ import annotations

import re

from orchestrator.taskmaster.core.model import Priority, Status

MARK_OF = {
    Status.DONE: "\u2705",
    Status.IN_PROGRESS: "\U0001f504",
    Status.PENDING: "\u2b1c",
    Status.REVIEW: "\U0001f440",
    Status.DEFERRED: "\u23f8\ufe0f",
    Status.CANCELLED: "\u274c",
    Status.BLOCKED: "\u26d4",
}
"""What is written for each; all of them are read."""

_MARKS = {
    "\u2705": Status.DONE,
    "\u2714": Status.DONE,
    "\u2611": Status.DONE,
    "\u2713": Status.DONE,
    "\U0001f504": Status.IN_PROGRESS,
    "\U0001f7e1": Status.IN_PROGRESS,
    "\u23f3": Status.IN_PROGRESS,
    "\U0001f6a7": Status.IN_PROGRESS,
    "\u2b1c": Status.PENDING,
    "\u2610": Status.PENDING,
    "\U0001f534": Status.PENDING,
    "\U0001f4cb": Status.PENDING,
    "\U0001f440": Status.REVIEW,
    "\u23f8": Status.DEFERRED,
    "\u274c": Status.CANCELLED,
    "\U0001f6ab": Status.CANCELLED,
    "\u26d4": Status.BLOCKED,
}
_WORDS = {
    "done": Status.DONE,
    "complete": Status.DONE,
    "completed": Status.DONE,
    "finished": Status.DONE,
    "closed": Status.DONE,
    "shipped": Status.DONE,
    "in progress": Status.IN_PROGRESS,
    "in-progress": Status.IN_PROGRESS,
    "in_progress": Status.IN_PROGRESS,
    "started": Status.IN_PROGRESS,
    "ongoing": Status.IN_PROGRESS,
    "wip": Status.IN_PROGRESS,
    "partial": Status.IN_PROGRESS,
    "partially done": Status.IN_PROGRESS,
    "pending": Status.PENDING,
    "todo": Status.PENDING,
    "to do": Status.PENDING,
    "open": Status.PENDING,
    "not started": Status.PENDING,
    "planned": Status.PENDING,
    "next": Status.PENDING,
    "upcoming": Status.PENDING,
    "backlog": Status.PENDING,
    "review": Status.REVIEW,
    "in review": Status.REVIEW,
    "deferred": Status.DEFERRED,
    "postponed": Status.DEFERRED,
    "skipped": Status.DEFERRED,
    "on hold": Status.DEFERRED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "dropped": Status.CANCELLED,
    "blocked": Status.BLOCKED,
}
_BOXES = {
    "x": Status.DONE,
    " ": Status.PENDING,
    "-": Status.IN_PROGRESS,
    "/": Status.IN_PROGRESS,
    ">": Status.DEFERRED,
    "~": Status.CANCELLED,
    "!": Status.BLOCKED,
}
_PRIORITIES = {
    "critical": Priority.CRITICAL,
    "blocker": Priority.CRITICAL,
    "urgent": Priority.CRITICAL,
    "p0": Priority.CRITICAL,
    "high": Priority.HIGH,
    "p1": Priority.HIGH,
    "medium": Priority.MEDIUM,
    "normal": Priority.MEDIUM,
    "p2": Priority.MEDIUM,
    "low": Priority.LOW,
    "p3": Priority.LOW,
}
ALL = tuple(_MARKS)
MARK = re.compile(f"[{''.join(_MARKS)}]\ufe0f?")
_LONGEST_FIRST = sorted(_WORDS, key=len, reverse=True)
_WORD = re.compile(rf"\b({'|'.join(_LONGEST_FIRST)})\b", re.IGNORECASE)
_SECTION = re.compile(
    rf"(?:[\d.]+ )?(?:currently |recently |work )?({'|'.join(_LONGEST_FIRST)})(?: up)?"
    r"(?: (?:tasks?|items?|work|components?|features?))?",
    re.IGNORECASE,
)
_PRIORITY = re.compile(rf"\b({'|'.join(_PRIORITIES)})\b", re.IGNORECASE)
_ASIDE = re.compile(r"[(\[]([^()\[\]]*)[)\]]")


def mark_in(text: str) -> Status | None:
    """What the last mark of a text says."""
    if text.isascii():
        return None
    found = MARK.findall(text)
    return _MARKS[found[-1][0]] if found else None


def status_of_heading(text: str) -> Status | None:
    """What a section is about, when it is about tasks of one status: "Completed Tasks (10/64)"."""
    marked = mark_in(text)
    found = _SECTION.fullmatch(without_marks(_ASIDE.sub("", text)))
    return _WORDS[found[1].casefold()] if found else marked


def status_of(word: str) -> Status | None:
    """A status by its name, as in a field or on the command line."""
    return _WORDS.get(word.strip().casefold())


def status_in(text: str) -> Status | None:
    """What a field or a cell says: its last mark, or else its first word for a status."""
    marked = mark_in(text)
    if marked is not None:
        return marked
    word = _WORD.search(text)
    return _WORDS[word[1].casefold()] if word else None


def has_status_word(text: str) -> bool:
    """Whether a heading speaks of how far something is, and so names no component."""
    return mark_in(text) is not None or _WORD.search(text) is not None


def box_status(box: str) -> Status:
    """What a check box says."""
    return _BOXES[box.casefold()]


def priority_of(word: str) -> Priority | None:
    """A priority by its name."""
    return _PRIORITIES.get(word.strip().casefold())


def priority_in(text: str) -> Priority | None:
    """The first word for a priority."""
    word = _PRIORITY.search(text)
    return _PRIORITIES[word[1].casefold()] if word else None


def without_marks(text: str) -> str:
    """A title without marks, and without asides that are nothing but a status or a priority."""
    if not text.isascii():
        text = MARK.sub("", text)
    if "(" in text or "[" in text:
        text = _ASIDE.sub(_kept, text)
    return " ".join(text.split()).strip(" -\u2013\u2014:|,")


def replace_word(text: str, status: Status) -> str:
    """The first word for a status, by that for another; kept as it is if it means the same."""
    word = _WORD.search(text)
    if word is None or _WORDS[word[1].casefold()] is status:
        return text
    new = status.value.title() if word[1][0].isupper() else status.value
    return text[: word.start()] + (new.upper() if word[1].isupper() else new) + text[word.end() :]


def asides(text: str) -> list[str]:
    """What stands in brackets."""
    return _ASIDE.findall(text) if "(" in text or "[" in text else []


def _kept(aside: re.Match[str]) -> str:
    is_mark = status_of(aside[1]) or priority_of(aside[1]) or priority_of(_first_word(aside[1]))
    return "" if is_mark else aside[0]


def _first_word(text: str) -> str:
    """ "high" of "High Priority"."""
    first, _, rest = text.strip().partition(" ")
    return first if rest.casefold() in {"", "priority"} else ""
