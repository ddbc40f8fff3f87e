"""What is looked at, and what each key makes of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from orchestrator.cli.top.listing import BY_NAME

VIEW_KEYS: Final = {
    "h": "hosts",
    "c": "containers",
    "p": "processes",
    "t": "mesos-tasks",
    "a": "marathon-apps",
    "k": "pods",
}
SORTS: Final = ("cpu", "memory", "network_received", BY_NAME)
_MAX_QUERY: Final = 500
_ENTER, _ESCAPE, _ERASE = ("\r", "\n"), "\x1b", ("\x7f", "\b")


class Choice(NamedTuple):
    """A view, filtered and sorted."""

    view: str
    query: str = ""
    sort: str = SORTS[0]
    typed: str | None = None
    """A filter that is being typed."""


def pressed(choice: Choice, key: str) -> Choice | None:
    """What a key makes of it; None: the end."""
    if choice.typed is not None:
        return _typing(choice, choice.typed, key)
    if key in VIEW_KEYS:
        return choice._replace(view=VIEW_KEYS[key])
    match key:
        case "q":
            return None
        case "/":
            return choice._replace(typed=choice.query)
        case "s":
            place = SORTS.index(choice.sort) + 1 if choice.sort in SORTS else 0
            return choice._replace(sort=SORTS[place % len(SORTS)])
        case _:
            return choice


def _typing(choice: Choice, typed: str, key: str) -> Choice:
    if key in _ENTER:
        return choice._replace(query=typed.strip(), typed=None)
    if key == _ESCAPE:
        return choice._replace(typed=None)
    if key in _ERASE:
        return choice._replace(typed=typed[:-1])
    if key.isprintable() and len(typed) < _MAX_QUERY:
        return choice._replace(typed=typed + key)
    return choice
