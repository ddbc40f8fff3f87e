"""What an answer has to be like, where it cannot be said exactly.

An expected object is matched by every object that has at least its keys; a list by a list of the
same length. Matchers stand for what differs each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Any


class Matcher:
    """A value that fulfils a condition; ``what`` names it in failures."""

    def __init__(
        self,
        what: str,
        fits: Callable[[Json], bool],
        filled: Callable[[Callable[[Json], Json]], Matcher] | None = None,
    ) -> None:
        self.what = what
        self.fits = fits
        self._filled = filled

    def filled(self, fill: Callable[[Json], Json]) -> Matcher:
        """The same with all names in it filled in."""
        return self._filled(fill) if self._filled else self

    def __repr__(self) -> str:
        return f"<{self.what}>"


class Absent:
    """No such key."""

    def __repr__(self) -> str:
        return "<absent>"


class Exactly(dict[str, Json]):
    """An object with these keys and no other."""


def like(pattern: str) -> Matcher:
    """A text that the regular expression matches as a whole."""
    return Matcher(
        f"text like {pattern}",
        lambda v: isinstance(v, str) and bool(re.fullmatch(pattern, v, re.DOTALL)),
        lambda fill: like(fill(pattern)),
    )


def holding(*expected: Json) -> Matcher:
    """A list or a text that has all of these in it, in any order."""

    def fits(value: Json) -> bool:
        if isinstance(value, str):
            return all(part in value for part in expected)
        return isinstance(value, list) and all(
            any(not list(differences(one, item)) for item in value) for one in expected
        )

    return Matcher(
        f"something that holds {expected!r}",
        fits,
        lambda fill: holding(*[fill(one) for one in expected]),
    )


def without(unwanted: Json) -> Matcher:
    """A list in which nothing matches this."""
    return Matcher(
        f"a list without {unwanted!r}",
        lambda v: isinstance(v, list) and all(list(differences(unwanted, item)) for item in v),
        lambda fill: without(fill(unwanted)),
    )


def each(expected: Json) -> Matcher:
    """A list of which every element matches, and that is not empty."""
    return Matcher(
        f"a list of {expected!r}",
        lambda v: (
            isinstance(v, list)
            and v != []
            and all(not list(differences(expected, item)) for item in v)
        ),
    )


ABSENT = Absent()
ANY = Matcher("anything", lambda value: True)
TEXT = Matcher("a text", lambda value: isinstance(value, str) and value != "")
NUMBER = Matcher("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool))
FLAG = Matcher("a boolean", lambda value: isinstance(value, bool))
VERSION = like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DEPLOYED = Exactly(version=VERSION, deploymentId=UUID)


def differences(expected: Json, actual: Json, where: str = "") -> Iterator[str]:
    """One sentence for each place at which the answer is not as expected."""
    if isinstance(expected, Matcher):
        if not expected.fits(actual):
            yield f"{where or '/'}: {actual!r} is not {expected!r}"
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _of_objects(expected, actual, where)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{where or '/'}: {len(actual)} elements, not {len(expected)}: {actual!r}"
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, f"{where}({index})")
    elif expected != actual or isinstance(expected, bool) is not isinstance(actual, bool):
        yield f"{where or '/'}: {actual!r}, not {expected!r}"


def _of_objects(
    expected: Mapping[str, Json], actual: Mapping[str, Json], where: str
) -> Iterator[str]:
    for key, value in expected.items():
        if isinstance(value, Absent):
            if key in actual:
                yield f"{where}/{key}: {actual[key]!r} should not be there"
        elif key not in actual:
            yield f"{where}/{key}: missing, should be {value!r}"
        else:
            yield from differences(value, actual[key], f"{where}/{key}")
    if isinstance(expected, Exactly) and (more := actual.keys() - expected.keys()):
        yield f"{where or '/'}: has {sorted(more)} besides"
