"""What msgspec says of wrong JSON, in the paths and codes of Marathon's reader.

msgspec's sentence is "Expected `int`, got `str` - at `$.ports[0]`"; Marathon's reader (play-json)
says ``error.expected.jsnumber`` at ``/ports(0)``. Where msgspec leaves out which key of a map is
meant (``$.env[...]``), the key is searched for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from orchestrator.marathon.core.refusals import InvalidObject, Violation, WrongShape

_SOME_KEY = "[...]"
_EXPECTED = {
    "int": "error.expected.jsnumber",
    "float": "error.expected.jsnumber",
    "str": "error.expected.jsstring",
    "bool": "error.expected.jsboolean",
    "array": "error.expected.jsarray",
    "object": "error.expected.jsobject",
}
_BOUND = re.compile(
    r"Expected `\w+`(?: \| `?null`?)? (?:"
    r"of length (?:(?P<min_length>>=?)|(?P<max_length><=?))|(?P<min>>=?)|(?P<max><=?)"
    r"|(?P<pattern>matching regex))"
)
_BOUNDS = {
    "min_length": "error.minLength",
    "max_length": "error.maxLength",
    "min": "error.min",
    "max": "error.max",
    "pattern": "error.pattern",
}
Steps = Sequence[str | int]


def refusal(error: msgspec.ValidationError, value: Any, kind: Any) -> WrongShape | InvalidObject:
    """Why ``value`` is no ``kind``; to a code for a bound a sentence is added, for people."""
    problem, _, where = str(error).partition(" - at `$")
    path = _path(where.rstrip("`"), str(error), value, kind)
    if missing := re.match(r"Object missing required field `(\w+)`", problem):
        return WrongShape([Violation(f"{path}/{missing[1]}", "error.path.missing")])
    path = path or "/"
    if "Invalid enum value" in problem:
        return WrongShape([Violation(path, "error.unknown.enum.literal")])
    if expected := re.match(r"Expected `([a-z]+)(?: \| [^`]*)?`, got ", problem):
        return WrongShape([Violation(path, _EXPECTED.get(expected[1], "error.expected"))])
    sentence = Violation(path, problem[0].lower() + problem[1:])
    if bound := _BOUND.match(problem):
        return WrongShape([Violation(path, _BOUNDS[bound.lastgroup or ""]), sentence])
    return InvalidObject([sentence])


def _path(where: str, message: str, value: Any, kind: Any) -> str:
    before, is_map, after = where.partition(_SOME_KEY)
    key = f"/{_culprit(before, message, value, kind)}" if is_map else ""
    rest = after.replace(_SOME_KEY, "")
    return _plain(before) + key.rstrip("/") + _plain(rest)


def _plain(where: str) -> str:
    return re.sub(r"\[(\d+)\]", r"(\1)", where).replace(".", "/")


def _culprit(before: str, message: str, value: Any, kind: Any) -> str:
    """The key whose value is wrong: the map is halved until one is left. "" if it is not found."""
    steps = [int(i) if i else name for name, i in re.findall(r"\.(\w+)|\[(\d+)\]", before)]
    entries = list(_at(value, steps).items())
    while len(entries) > 1:
        half = entries[: len(entries) // 2]
        is_here = _complaint(_with(value, steps, dict(half)), kind) == message
        entries = half if is_here else entries[len(half) :]
    return entries[0][0] if entries else ""


def _complaint(value: Any, kind: Any) -> str:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def _with(value: Any, steps: Steps, new: Any) -> Any:
    """A copy with something else at this place."""
    if not steps:
        return new
    copy = value.copy()
    copy[steps[0]] = _with(value[steps[0]], steps[1:], new)
    return copy
