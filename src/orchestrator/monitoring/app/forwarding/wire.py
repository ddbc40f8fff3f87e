"""Messages of Prometheus' remote write, version 1. Pure.

    WriteRequest { repeated TimeSeries timeseries = 1 }
    TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
    Label        { string name = 1; string value = 2 }
    Sample       { double value = 1; int64 timestamp = 2 }     milliseconds

Labels are sorted by name and never empty. Source: prompb/remote.proto and types.proto of
Prometheus, and its remote write specification 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct

from orchestrator.monitoring.app.naming import labels_of, metric_name
from orchestrator.monitoring.report.model import Node, Report

_MILLI = 1000
_VALUE = Struct("<Bd")
_FIXED64_1, _VARINT_2, _BYTES_1, _BYTES_2 = 0x09, 0x10, 0x0A, 0x12  # a field and how it is written


def requests(report: Report, most: int) -> Iterator[tuple[int, bytes]]:
    """What a report measures, as messages of ``most`` samples: how many, and the bytes."""
    part: list[bytes] = []
    for one in _series(report):
        part.append(one)
        if len(part) == most:
            yield most, b"".join(part)
            part = []
    if part:
        yield len(part), b"".join(part)


def size(report: Report) -> int:
    """How many samples a report has."""
    return sum(len(node.metrics) for nodes in report.nodes.values() for node in nodes)


def _series(report: Report) -> Iterator[bytes]:
    stamp = bytes([_VARINT_2]) + _varint(int(report.taken_at * _MILLI))
    for topology, nodes in report.nodes.items():
        for node in nodes:
            if node.metrics:
                labels = _labels(topology, node)
                for metric, value in node.metrics.items():
                    sample = _VALUE.pack(_FIXED64_1, value) + stamp
                    series = _name(topology, metric) + labels + _field(_BYTES_2, sample)
                    yield _field(_BYTES_1, series)


def _labels(topology: str, node: Node) -> bytes:
    labels = sorted(labels_of(topology, node).items())
    return b"".join(_label(name, value) for name, value in labels if value)


@lru_cache(maxsize=4096)
def _name(topology: str, metric: str) -> bytes:
    """``__name__`` sorts before all that are ours."""
    return _label("__name__", metric_name(topology, metric))


def _label(name: str, value: str) -> bytes:
    pair = _field(_BYTES_1, name.encode()) + _field(_BYTES_2, value.encode(errors="replace"))
    return _field(_BYTES_1, pair)


def _field(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
