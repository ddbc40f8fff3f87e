"""Nodes of a view as rows: which columns, in which order, in which words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from orchestrator.monitoring.render.mirror import Mirrored
from orchestrator.monitoring.render.query import metric
from orchestrator.monitoring.report.keys import METRICS

BY_NAME: Final = "name"
_COLUMNS: Final = {
    "cpu_percent": "CPU%",
    "memory_bytes": "MEMORY",
    "network_received_bytes_per_s": "NET IN/S",
    "network_sent_bytes_per_s": "NET OUT/S",
    "disk_read_bytes_per_s": "READ/S",
    "disk_written_bytes_per_s": "WRITTEN/S",
    "load_1m": "LOAD",
}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def columns_of(measured: Collection[str], sort: str) -> dict[str, str]:
    """Headings by metric: those that people look for first, and the one that rows are sorted by."""
    shown = {name: heading for name, heading in _COLUMNS.items() if name in measured}
    if sort != BY_NAME and metric(dict.fromkeys(shown, 0.0), sort) is None:
        named = [name for name in measured if name.startswith(sort)]
        shown |= {name: name.upper() for name in sorted(named, key=len)[:1]}
    return shown


def ordered(nodes: Iterable[Mirrored], sort: str) -> list[Mirrored]:
    """By name, or by a metric (its name may be shortened), the highest first."""

    def key(node: Mirrored) -> tuple[float, str, str]:
        value = metric(node.metrics, sort) if sort != BY_NAME else None
        return (-value if value is not None else float("inf"), node.row[2].lower(), node.row[1])

    return sorted((node for node in nodes if not node.row[8]), key=key)


def headings(columns: Mapping[str, str]) -> list[str]:
    """Of all columns."""
    return ["NAME", "WHERE", "STATE", *columns.values()]


def cells(node: Mirrored, columns: Collection[str]) -> list[str]:
    """One row."""
    _, id, label, minor, _, state, health, members, _ = node.row
    words = "/".join(word for word in (state, health if health != "healthy" else "") if word)
    name = f"{label or id} ({members})" if members else label or id
    values = [worded(name, node.metrics.get(name)) for name in columns]
    return [_printable(name), _printable(minor) or "-", _printable(words) or "-", *values]


def as_document(node: Mirrored) -> dict[str, object]:
    """For programs."""
    _, id, label, minor, group, state, health, members, _ = node.row
    return {
        "id": id,
        "label": label,
        "minor": minor,
        "group": group,
        "state": state,
        "health": health,
        "members": members,
        "metrics": node.metrics,
    }


def worded(name: str, value: float | None) -> str:
    """A value in its unit, three digits or so."""
    if value is None:
        return "-"
    known = METRICS.get(name)
    if known is not None and known.unit.startswith("bytes"):
        return _bytes(value)
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _bytes(value: float) -> str:
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("there is a largest unit")


def _printable(text: str) -> str:
    """What a terminal would obey is shown instead."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
