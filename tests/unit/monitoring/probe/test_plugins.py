"""What plug-ins say, in Scope's form, read with suspicion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.plugin import Plugin, Told, container, host, process
from orchestrator.monitoring.probe.plugins import parsing
from orchestrator.monitoring.probe.plugins.parsing import PluginError
from orchestrator.monitoring.report import Node, Report, check
from orchestrator.monitoring.report.validity import Limits

INTRODUCTION = {
    "id": "iowait", "label": "IO wait", "description": "waits", "api_version": "1",
    "interfaces": ["reporter", "controller"],
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def said(**topologies: Any) -> bytes:
    return json.dumps({"Plugins": [INTRODUCTION], **topologies}).encode()


def read(data: bytes, **options: bool) -> parsing.PluginReport:
    return parsing.read(data, "iowait", "machine", "box.local", **options)


def test_a_report_of_scope_is_understood() -> None:
    told = {
        "metrics": {"iowait": {"samples": [
            {"date": "2026-01-01T00:00:00Z", "value": 1.5},
            {"date": "2026-01-01T00:00:01Z", "value": 2.5},
        ], "min": 0, "max": 100}},
        "latest": {"scheduler": {"timestamp": "2026-01-01T00:00:00Z", "value": "deadline"}},
        "latestControls": {
            "sync": {"timestamp": "2026-01-01T00:00:00Z", "value": {"dead": False}},
            "gone": {"timestamp": "2026-01-01T00:00:00Z", "value": {"dead": True}},
        },
    }  # fmt: skip
    report = read(said(Host={"nodes": {"box.local;<host>": told}, "metric_templates": {}}))
    assert report.plugin.label == "IO wait"
    extra = report.extras["host"]["machine"]
    assert extra.metrics == {"iowait": 2.5}
    assert extra.latest == {"scheduler": "deadline"}
    assert extra.controls == ["iowait~sync"]
    assert extra.their_id == "box.local;<host>"


@pytest.mark.parametrize(
    ("topology", "theirs", "ours"),
    [
        ("Host", "box.local;<host>", ("host", "machine")),
        ("Host", "machine", ("host", "machine")),
        ("Container", "c0ffee;<container>", ("container", "c0ffee")),
        ("Process", "box.local;12", ("process", "machine;12")),
        ("Process", "machine;12", ("process", "machine;12")),
    ],
)
def test_ids_of_scope_are_ours(topology: str, theirs: str, ours: tuple[Any, str]) -> None:
    report = read(said(**{topology: {"nodes": {theirs: {"metrics": {}}}}}))
    assert ours[1] in report.extras[ours[0]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"nonsense", "cannot be read"),
        (b"[]", "cannot be read"),
        (
            said(Host={"nodes": {"x": {"latest": {"k": {"value": 1}}}}}).replace(
                b'"value": 1', b'"value": ' + b"[" * 100_000
            ),
            "cannot be read",
        ),
        (b"{}", "exactly one entry"),
        (json.dumps({"Plugins": [INTRODUCTION, INTRODUCTION]}).encode(), "exactly one entry"),
        (json.dumps({"Plugins": [{**INTRODUCTION, "id": "x"}]}).encode(), "calls itself 'x'"),
    ],
)
def test_what_is_no_report_says_why(data: bytes, sentence: str) -> None:
    with pytest.raises(PluginError, match=sentence):
        read(data)


def test_without_controls_none_are_offered() -> None:
    nodes: Any = {"machine": {"latestControls": {"sync": {"value": {}}}}}
    assert read(said(Host={"nodes": nodes})).extras["host"]["machine"].controls == ["iowait~sync"]
    report = read(said(Host={"nodes": nodes}), has_controls=False)
    assert report.extras["host"]["machine"].controls == []


def test_what_the_probe_knows_is_not_replaced() -> None:
    node = Node("machine", "box", {"kernel": "6"}, {"load_1m": 1.0}, controls=["stop"])
    told = {
        "metrics": {"load_1m": {"samples": [{"value": 9.0}]}, "x": {"samples": [{"value": 2.0}]}},
        "latest": {"kernel": {"value": "lies"}, "colour": {"value": "red"}},
        "latestControls": {"sync": {"value": {}}},
    }
    extra = read(said(Host={"nodes": {"machine": told}})).extras["host"]["machine"]
    more = parsing.added(node, extra)
    assert more.metrics == {"load_1m": 1.0, "x": 2.0}
    assert more.latest == {"kernel": "6", "colour": "red"}
    assert more.controls == ["stop", "iowait~sync"]


@given(st.dictionaries(st.text(max_size=200), JSON, max_size=80), JSON)
def test_whatever_a_plugin_says_a_report_stays_one_that_apps_take(
    many: dict[str, Any], anything: Any
) -> None:
    metrics = {name: {"samples": [{"value": n}]} for n, name in enumerate(many)}
    latest = {name: {"value": value} for name, value in many.items()}
    controls: Any = {name: {"value": {}} for name in many}
    nodes = {"machine": {"metrics": metrics, "latest": latest, "latestControls": controls}}
    for data in (said(Host={"nodes": nodes}), said(Host={"nodes": anything}), said(Host=anything)):
        try:
            report = read(data)
        except PluginError:
            continue
        extra = report.extras.get("host", {}).get("machine")
        node = parsing.added(Node("machine"), extra) if extra else Node("machine")
        whole = Report(
            version=1, agent_id="p", instance="i", instance_started_at=0.0, number=1,
            taken_at=1.0, host_id="machine", nodes={"host": [node]}, plugins=[report.plugin],
        )  # fmt: skip
        check(whole, 2.0, Limits())
        assert len(node.metrics) <= 64
        assert len(node.controls) <= 32


def test_the_sdk_speaks_what_the_probe_reads() -> None:
    plugin = Plugin("iowait", "IO wait", "waits")

    @plugin.reporter
    def report(told: Told) -> None:
        told.metric(host("box.local"), "iowait_percent", 3.0)
        told.value(container("c0ffee"), "tier", "front")
        told.control(process(12, "box.local"), "renice")

    plugin.control("renice")(lambda node: f"done to {node}")
    found = read(json.dumps(plugin.report()).encode())
    assert found.extras["host"]["machine"].metrics == {"iowait_percent": 3.0}
    assert found.extras["container"]["c0ffee"].latest == {"tier": "front"}
    assert found.extras["process"]["machine;12"].controls == ["iowait~renice"]
    assert plugin.carry_out("renice", "x") == {"value": "done to x"}
    assert "error" in plugin.carry_out("none", "x")


def test_what_a_control_raises_is_told() -> None:
    plugin = Plugin("p")

    @plugin.control("fail")
    def fail(node: str) -> str:
        raise OSError(f"{node} is busy")

    assert plugin.carry_out("fail", "it") == {"error": "it is busy"}


@pytest.mark.parametrize("id", ["", "a/b", "a~b", "a.b"])
def test_an_id_that_is_none_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        Plugin(id)
