"""What a plug-in says, read with suspicion. Pure.

    {"Plugins": [{"id", "label", "description", "interfaces": ["reporter", "controller"],
                  "api_version"}],
     "Host": {"nodes": {"myhost;<host>": {
         "metrics": {"iowait": {"samples": [{"date", "value"}]}},
         "latest": {"key": {"timestamp", "value"}},
         "latestControls": {"restart": {"timestamp", "value": {"dead": false}}}}}}}

Ids of nodes are Scope's, ``name;<host>``, ``id;<container>`` and ``host;pid``, or ours. A plug-in
may add to nodes that the probe sees, and neither make nodes nor replace what is known of them.
Source: probe/plugins/registry.go and report/*.go of Weave Scope 1.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from orchestrator.monitoring.probe.control.controllers import PLUGIN_MARK
from orchestrator.monitoring.report import Node, Plugin, Topology

T = TypeVar("T")
_MOST_METRICS, _MOST_VALUES, _MOST_CONTROLS = 64, 128, 32
_NAME, _TEXT = 128, 4096
_TOPOLOGIES: Final[Mapping[str, Topology]] = {
    "Host": "host",
    "Container": "container",
    "Process": "process",
}
_SUFFIXES = (";<host>", ";<container>")


class PluginError(Exception):
    """What came is no report of a plug-in; the text is one sentence."""


class Introduction(msgspec.Struct):
    """What a plug-in says of itself."""

    id: str
    label: str = ""
    description: str = ""
    interfaces: list[str] = []
    api_version: str = ""


class Sample(msgspec.Struct):
    """One value of a metric."""

    value: float
    date: str = ""


class Metric(msgspec.Struct):
    """The latest samples of a metric."""

    samples: list[Sample] | None = None


class Stamped(msgspec.Struct):
    """A value with the time at which it was so."""

    value: Any = None


class Told(msgspec.Struct, rename="camel"):
    """What is said of a node."""

    metrics: dict[str, Metric] | None = None
    latest: dict[str, Stamped] | None = None
    latest_controls: dict[str, Stamped] | None = None


class _Topology(msgspec.Struct):
    nodes: dict[str, Told] | None = None


class _Report(msgspec.Struct):
    plugins: list[Introduction] | None = msgspec.field(default=None, name="Plugins")
    host: _Topology | None = msgspec.field(default=None, name="Host")
    container: _Topology | None = msgspec.field(default=None, name="Container")
    process: _Topology | None = msgspec.field(default=None, name="Process")


class Extra(msgspec.Struct, frozen=True):
    """What is added to one node. ``their_id`` is what the plug-in calls it."""

    their_id: str
    metrics: dict[str, float]
    latest: dict[str, str]
    controls: list[str]


class PluginReport(msgspec.Struct, frozen=True):
    """A report that was read."""

    plugin: Plugin
    extras: dict[Topology, dict[str, Extra]]


def read(
    data: bytes, socket_id: str, host_id: str, hostname: str, *, has_controls: bool = True
) -> PluginReport:
    """Read a report; ``hostname`` means the host ``host_id`` as well. Raises PluginError."""
    try:
        report = msgspec.json.decode(data, type=_Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PluginError(f"its report cannot be read: {error}") from None
    if report.plugins is None or len(report.plugins) != 1:
        raise PluginError("its report has to have exactly one entry in Plugins")
    (said,) = report.plugins
    if said.id != socket_id:
        raise PluginError(f"it calls itself {said.id[:_NAME]!r}, and its socket {socket_id!r}")
    offering = socket_id if has_controls and "controller" in said.interfaces else ""
    names = {hostname, host_id}
    extras: dict[Topology, dict[str, Extra]] = {}
    for kind, topology in _TOPOLOGIES.items():
        part: _Topology | None = getattr(report, kind.lower())
        if part is not None and part.nodes:
            extras[topology] = {
                _our_id(id, names, host_id): _extra(id, told, offering)
                for id, told in part.nodes.items()
            }
    return PluginReport(_plugin(said), extras)


def added(node: Node, extra: Extra) -> Node:
    """The node with what a plug-in adds, as far as there is room; what is known stays."""
    return replace(
        node,
        metrics=_within({**node.metrics, **_new(extra.metrics, node.metrics)}, _MOST_METRICS),
        latest=_within({**node.latest, **_new(extra.latest, node.latest)}, _MOST_VALUES),
        controls=list(dict.fromkeys([*node.controls, *extra.controls]))[:_MOST_CONTROLS],
    )


def _our_id(id: str, host_ids: set[str], host_id: str) -> str:
    for suffix in _SUFFIXES:
        id = id.removesuffix(suffix)
    name, separator, rest = id.partition(";")
    if name in host_ids:  # a host, or a process of one
        return host_id + separator + rest
    return id


def _extra(their_id: str, told: Told, plugin_id: str) -> Extra:
    metrics = {
        name: value
        for name, metric in (told.metrics or {}).items()
        if _is_name(name) and (value := _last(metric)) is not None
    }
    latest = {
        name: text[:_TEXT]
        for name, stamped in (told.latest or {}).items()
        if _is_name(name) and (text := _text(stamped.value))
    }
    controls = [
        f"{plugin_id}{PLUGIN_MARK}{name}"
        for name, stamped in (told.latest_controls or {}).items()
        if plugin_id and _is_name(f"{plugin_id}{PLUGIN_MARK}{name}") and not _is_dead(stamped)
    ]
    return Extra(their_id, metrics, latest, controls)


def _last(metric: Metric) -> float | None:
    samples = metric.samples or []
    value = max(samples, key=lambda sample: sample.date).value if samples else float("nan")
    return value if isfinite(value) else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _is_dead(stamped: Stamped) -> bool:
    return isinstance(stamped.value, dict) and stamped.value.get("dead") is True


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _NAME and name.isprintable()


def _plugin(said: Introduction) -> Plugin:
    return Plugin(
        id=said.id,
        label=said.label[:512],
        description=said.description[:_TEXT],
        interfaces=[one for one in said.interfaces if _is_name(one)][:16],
    )


def _new(more: Mapping[str, T], known: Mapping[str, Any]) -> dict[str, T]:
    return {name: value for name, value in more.items() if name not in known}


def _within(values: dict[str, T], most: int) -> dict[str, T]:
    return values if len(values) <= most else dict(list(values.items())[:most])
