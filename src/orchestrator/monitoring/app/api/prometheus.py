"""What the app knows, for a Prometheus that federates it: ``/federate?match[]=...``.

Names and labels are those of ``naming``. Selectors are Prometheus' own: a name, or
labels in braces with =, !=, =~ and !~ (RE2, anchored at both ends).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import re2
from starlette.exceptions import HTTPException
from starlette.responses import Response

from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.app.naming import Labels, labels_of, metric_name
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.report.model import TOPOLOGIES

MAX_SELECTORS = 32
MAX_SAMPLES = 500_000
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SELECTOR = re.compile(r"\s*([A-Za-z_:][A-Za-z0-9_:]*)?\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')

_ESCAPE = re.compile(r'\\(["\\n])')
"""Of Prometheus' strings; any other is left to the regular expression."""


class Sample(NamedTuple):
    """One number with its name (``__name__``) and labels."""

    labels: Labels
    value: float


Matcher = Callable[[Labels], bool]


async def federate(call: Call) -> Response:
    """Samples that any of the selectors lets through, in the text format."""
    texts = call.request.query_params.getlist("match[]")
    if not texts:
        raise HTTPException(400, 'the parameter match[] is missing, such as {__name__=~".+"}')
    if len(texts) > MAX_SELECTORS:
        raise HTTPException(400, f"more than {MAX_SELECTORS} selectors")
    selectors = [selector(text) for text in texts]
    lines: list[str] = []
    for sample in samples(call.monitor.picture):
        if any(matches(sample.labels) for matches in selectors):
            lines.append(_line(sample))
            if len(lines) > MAX_SAMPLES:
                raise HTTPException(413, f"more than {MAX_SAMPLES} samples: select fewer")
    lines.append("")
    return Response("\n".join(lines), media_type=None, headers={"Content-Type": CONTENT_TYPE})


def samples(picture: Picture) -> Iterator[Sample]:
    """Everything that is measured now, a family after another."""
    for topology in TOPOLOGIES:
        for node in picture.nodes(topology).values():
            labels = labels_of(topology, node)
            for metric, value in node.metrics.items():
                yield Sample({"__name__": metric_name(topology, metric), **labels}, value)


def selector(text: str) -> Matcher:
    """Read a selector. Raises HTTPException."""
    found = _SELECTOR.fullmatch(text)
    if len(text) > 2000 or found is None or not (found[1] or found[2]):
        raise HTTPException(400, f"{text[:200]!r} is no selector")
    matchers = [_matcher("__name__", "=", found[1])] if found[1] else []
    rest = found[2] or ""
    while rest.strip():
        part = _MATCHER.match(rest)
        if part is None:
            raise HTTPException(400, f"{text[:200]!r} is no selector: see {rest[:100]!r}")
        matchers.append(_matcher(part[1], part[2], _ESCAPE.sub(_unescaped, part[3])))
        rest = rest[part.end() :]
    return lambda labels: all(matches(labels) for matches in matchers)


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _matcher(name: str, sign: str, text: str) -> Matcher:
    if sign == "=":
        return lambda labels: labels.get(name, "") == text
    if sign == "!=":
        return lambda labels: labels.get(name, "") != text
    try:
        pattern = re2.compile(text)
    except re2.error:
        raise HTTPException(400, f"{text[:200]!r} is no regular expression") from None
    if sign == "=~":
        return lambda labels: pattern.fullmatch(labels.get(name, "")) is not None
    return lambda labels: pattern.fullmatch(labels.get(name, "")) is None


def _line(sample: Sample) -> str:
    labels = ",".join(
        f'{name}="{_escaped(value)}"' for name, value in sample.labels.items() if name[:2] != "__"
    )
    return f"{sample.labels['__name__']}{{{labels}}} {sample.value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
