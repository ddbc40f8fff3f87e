"""Recorded exchanges with Marathon as data: what is asked, and what the answer has to be.

The ``*.yaml`` files beside this module hold one rule an entry. Requests that are ``given`` have to
succeed and are settled (no deployment left) before the one that counts. Expected values are
compared by ``mismatch``: an object may have more members than are expected, a list has exactly the
items, and a text in angle brackets stands for what varies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

HERE = Path(__file__).parent
_PATTERNS = {
    "<timestamp>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<uuid>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<text>": r"(?s).+",
}
_ABSENT, _ANY, _NUMBER = "<absent>", "<any>", "<number>"
_MATCHING = re.compile(r"<matching (.*)>", re.S)
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


class Asked(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """A request; ``request`` is its method and path, ``as_`` a name for its answer."""

    request: str
    body: Any = None
    raw: str | None = None  # a body that is no JSON, or is to be sent as it stands
    headers: dict[str, str] = {}
    as_: str | None = msgspec.field(default=None, name="as")

    @property
    def method(self) -> str:
        return self.request.split(" ", 1)[0]

    @property
    def path(self) -> str:
        return self.request.split(" ", 1)[1]


class Rule(Asked, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """One rule: the request that counts, and what the answer has to be."""

    rule: str
    status: int
    given: list[Asked] = []
    unsettled: bool = False  # the deployments of what was given are still under way
    answer: Any = None
    headers_back: dict[str, str] = {}


def rules() -> Iterator[tuple[str, Rule]]:
    """All rules, each with its id: the file and the request, and what it says."""
    for path in sorted(HERE.glob("*.yaml")):
        for rule in msgspec.convert(yaml.safe_load(path.read_text()), list[Rule]):
            yield f"{path.stem}: {rule.request}: {rule.rule}", rule


def filled(value: Any, answers: Mapping[str, Any]) -> Any:
    """The value with ``${name.member}`` replaced by what was answered before."""
    match value:
        case str():
            return _REFERENCE.sub(lambda found: str(_look_up(found[1], answers)), value)
        case dict():
            return {key: filled(item, answers) for key, item in value.items()}
        case list():
            return [filled(item, answers) for item in value]
        case _:
            return value


def _look_up(reference: str, answers: Mapping[str, Any]) -> Any:
    found: Any = answers
    for name in reference.split("."):
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


def mismatch(expected: Any, found: Any, where: str = "") -> str | None:
    """Where the answer is not as expected, or None."""
    match expected:
        case dict():
            return _object_mismatch(expected, found, where)
        case list():
            if not isinstance(found, list) or len(found) != len(expected):
                return f"{where or '/'}: expected {len(expected)} items, found {found!r}"
            pairs = enumerate(zip(expected, found, strict=True))
            wrong = (mismatch(e, f, f"{where}/{n}") for n, (e, f) in pairs)
            return next(filter(None, wrong), None)
        case str() if expected.startswith("<"):
            return None if _fits(expected, found) else f"{where}: {found!r} is no {expected}"
        case _:
            is_same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
            return None if is_same else f"{where or '/'}: expected {expected!r}, found {found!r}"


def _object_mismatch(expected: dict[str, Any], found: Any, where: str) -> str | None:
    if not isinstance(found, dict):
        return f"{where or '/'}: expected an object, found {found!r}"
    for name, value in expected.items():
        inside = f"{where}/{name}"
        if value == _ABSENT:
            if name in found:
                return f"{inside}: should not be there, is {found[name]!r}"
        elif name not in found:
            return f"{inside}: is missing; there are {sorted(found)}"
        elif wrong := mismatch(value, found[name], inside):
            return wrong
    return None


def _fits(pattern: str, found: Any) -> bool:
    if pattern == _ANY:
        return True
    if pattern == _NUMBER:
        return isinstance(found, int | float) and not isinstance(found, bool)
    if custom := _MATCHING.fullmatch(pattern):
        return isinstance(found, str) and re.fullmatch(custom[1], found, re.S) is not None
    return isinstance(found, str) and re.fullmatch(_PATTERNS[pattern], found) is not None
