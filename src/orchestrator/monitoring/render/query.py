"""Filters as people type them.

A query is terms with spaces between, all of which have to hold; ``-`` before a term says that it
must not. A term is

- ``cpu > 4%``, ``memory >= 1.5GiB``, ``load<3``: a metric against a number. A metric may be
  shortened to the beginning of its name, and a unit at the number is counted in;
- ``state:running``, ``label.tier:web``: a field whose text contains the words, in any case. Fields
  are ``id``, ``label`` (the name), ``host``, ``group``, ``state``, ``health``, every value that a
  probe tells, every label (``label.NAME``, or just its name), and parents by their topology
  (``container:web``). ``field:`` alone asks whether it is there;
- ``state=running``: the whole text;
- ``nginx``: somewhere in the name, id, values or labels.

Quotes keep words together: ``command:"python3 -m"``. What cannot be read is refused with a
sentence.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.report.keys import METRICS
from orchestrator.monitoring.report.model import TOPOLOGIES, Node

MAX_LENGTH: Final = 1000
MAX_TERMS: Final = 20


class QueryError(ValueError):
    """The query cannot be read; the text is one sentence."""


class Compare(NamedTuple):
    """A metric against a number."""

    metric: str
    sign: str
    value: float
    is_negated: bool = False


class Field(NamedTuple):
    """A field that contains, or equals, a text."""

    name: str
    text: str
    is_whole: bool = False
    is_negated: bool = False


class Words(NamedTuple):
    """A text anywhere."""

    text: str
    is_negated: bool = False


Term = Compare | Field | Words
Query = tuple[Term, ...]

_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_UNITS: Final[Mapping[str, float]] = {
    "": 1.0,
    "%": 1.0,
    "ms": 1.0,
    "s": 1000.0,
    "b": 1.0,
    "k": 1e3,
    "kb": 1e3,
    "m": 1e6,
    "mb": 1e6,
    "g": 1e9,
    "gb": 1e9,
    "t": 1e12,
    "tb": 1e12,
    "kib": 1024.0,
    "mib": 1024.0**2,
    "gib": 1024.0**3,
    "tib": 1024.0**4,
}
_SPACED_SIGN = re.compile(r"\s*(>=|<=|>|<)\s*")
_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)(>=|<=|>|<)(.*)", re.DOTALL)
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%]*)")
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_.\-/]*)([:=])(.*)", re.DOTALL)
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*")+')


def parse(text: str) -> Query:
    """Read a query; an empty one lets everything through. Raises QueryError."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the filter has {len(text)} characters, and {MAX_LENGTH} are allowed")
    if text.count('"') % 2:
        raise QueryError("the filter has a quote that is not closed")
    terms = tuple(_term(token) for token in _TOKEN.findall(_joined(text)))
    if len(terms) > MAX_TERMS:
        raise QueryError(f"the filter has {len(terms)} terms, and {MAX_TERMS} are allowed")
    return terms


def write(query: Query) -> str:
    """A query as text that ``parse`` reads as the same: equal filters are written alike."""
    return " ".join(sorted(set(map(_written, query))))


def matches(query: Query, card: Card, node: Node | None) -> bool:
    """Whether a node of a view passes; ``node`` is what was reported of it, if anything was."""
    return all(_holds(term, card, node) != term.is_negated for term in query)


def _joined(text: str) -> str:
    """``cpu > 4`` as one token, except in quotes."""
    parts = text.split('"')
    parts[::2] = [_SPACED_SIGN.sub(r"\1", part) for part in parts[::2]]
    return '"'.join(parts)


def _term(token: str) -> Term:
    is_negated = token.startswith("-") and len(token) > 1
    body = token[1:] if is_negated else token
    if not body.startswith('"'):
        if (match := _COMPARISON.fullmatch(body)) and '"' not in match[1]:
            return _compare(match[1].lower(), match[2], match[3], is_negated)
        if match := _FIELD.fullmatch(body):
            name, text = match[1].lower(), match[3].replace('"', "")
            return Field(name, text.lower(), match[2] == "=", is_negated)
        if body[0] in "<>:=":
            raise QueryError(f"{token!r} has no name before its sign: write cpu>4 or state:running")
    return Words(body.replace('"', "").lower(), is_negated)


def _compare(name: str, sign: str, text: str, is_negated: bool) -> Compare:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise QueryError(
            f"{name}{sign} needs a number after it, such as {name}{sign}4: got {text!r}"
        )
    unit = match[2].lower()
    if unit not in _UNITS:
        raise QueryError(f"{match[2]!r} is no unit: use %, ms, s, kB, MB, GB, KiB, MiB or GiB")
    return Compare(name, sign, float(match[1]) * _UNITS[unit], is_negated)


def _holds(term: Term, card: Card, node: Node | None) -> bool:
    match term:
        case Compare():
            value = metric(card.metrics, term.metric)
            return value is not None and _SIGNS[term.sign](value, term.value)
        case Field():
            return any(_fits(term, value) for value in _values(term.name, card, node))
        case Words():
            return any(term.text in value.lower() for value in _everything(card, node))


def metric(metrics: Mapping[str, float], name: str) -> float | None:
    """A metric by its name, or by how its name begins (the shortest that does)."""
    if name in metrics:
        return metrics[name]
    known = [one for one in metrics if one.lower().startswith(name)]
    known.sort(key=lambda one: (one not in METRICS, len(one), one))
    return metrics[known[0]] if known else None


def _fits(term: Field, value: str) -> bool:
    value = value.lower()
    return value == term.text if term.is_whole else term.text in value


def _values(name: str, card: Card, node: Node | None) -> Iterable[str]:
    """The values of a field, of which there may be several or none."""
    shown = {
        "id": card.id,
        "label": card.label,
        "name": card.label,
        "host": card.minor,
        "group": card.group,
        "state": card.state,
        "health": card.health,
    }
    if shown.get(name):
        yield shown[name]
    if node is None:
        return
    for known, value in node.latest.items():
        if known.lower() == name:
            yield value
    label = name.removeprefix("label.")
    for known, value in node.labels.items():
        if known.lower() == label:
            yield value
    if name in TOPOLOGIES:
        yield from node.parents.get(name, ())


def _everything(card: Card, node: Node | None) -> Iterable[str]:
    yield from (card.label, card.id, card.minor, card.group, card.state)
    if node is not None:
        yield from node.latest.values()
        for name, value in node.labels.items():
            yield name
            yield value


def _written(term: Term) -> str:
    sign = "-" if term.is_negated else ""
    match term:
        case Compare():
            return f"{sign}{term.metric}{term.sign}{_number(term.value)}"
        case Field():
            return f'{sign}{term.name}{"=" if term.is_whole else ":"}"{term.text}"'
        case Words():
            return f'{sign}"{term.text}"'


def _number(value: float) -> str:
    return format(value, "f").rstrip("0").rstrip(".")
