"""One report of several sources: all of them, within its limits, whatever one of them does."""

from pathlib import Path

import pytest

from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Parts, Source
from orchestrator.monitoring.probe.survey import Identity, Survey
from orchestrator.monitoring.report import Connection, Limits, Node, Topology, check, codec

NOW = 1_700_000_000.0


class Telling:
    """A source that tells the same each time."""

    def __init__(self, nodes: dict[Topology, list[Node]], connections: int = 0) -> None:
        self.nodes = nodes
        self.connections = connections

    def report(self, now: float) -> Parts:
        some = [Connection(f";10.0.0.1;{n}", ";10.0.0.2;80") for n in range(self.connections)]
        return Parts(nodes={kind: list(one) for kind, one in self.nodes.items()}, connections=some)


class Failing:
    """A source with a bug."""

    def report(self, now: float) -> Parts:
        raise RuntimeError("a secret detail")


def _survey(directory: Path, *sources: Source) -> Survey:
    return Survey(Identity("a", "i", NOW - 1, "h"), ProcessTable(str(directory)), sources)


def test_two_sources_may_tell_of_one_node(tmp_path: Path) -> None:
    first = Telling({"mesos_task": [Node("f;t", "web", parents={"mesos_agent": ["s"]})]})
    second = Telling({"mesos_task": [Node("f;t", parents={"marathon_app": ["/web"]})]})
    survey = _survey(tmp_path, Source("one", reporter=first), Source("two", reporter=second))
    report = survey.take(NOW)
    check(report, NOW, Limits())
    [node] = report.nodes["mesos_task"]
    assert (node.label, node.parents) == ("web", {"mesos_agent": ["s"], "marathon_app": ["/web"]})


def test_a_source_that_fails_costs_what_it_sees_and_is_told(tmp_path: Path) -> None:
    telling = Telling({"image": [Node("x")]})
    survey = _survey(tmp_path, Source("bad", reporter=Failing()), Source("ok", reporter=telling))
    report = survey.take(NOW)
    assert report.problems == ["the source bad failed: RuntimeError"]
    assert [node.id for node in report.nodes["image"]] == ["x"]


def test_a_report_is_within_the_limits_of_an_app_and_keeps_its_host(tmp_path: Path) -> None:
    many = Telling({"process": [Node(f"h;{n}") for n in range(25_000)]}, connections=21_000)
    report = _survey(tmp_path, Source("many", reporter=many)).take(NOW)
    check(report, NOW, Limits())
    assert [node.id for node in report.nodes["host"]] == ["h"]
    assert len(report.problems) == 2


@pytest.mark.parametrize("id", ["", "x" * 513, "a\u00a0b", "a\x00b"])
def test_a_node_that_cannot_be_named_costs_no_other(tmp_path: Path, id: str) -> None:
    telling = Telling({"mesos_task": [Node(id), Node("f;t")]})
    report = _survey(tmp_path, Source("one", reporter=telling)).take(NOW)
    assert codec.decode(codec.encode(report)) == report
    check(report, NOW, Limits())
    assert [node.id for node in report.nodes["mesos_task"]] == ["f;t"]
    assert report.problems == ["1 of the kind mesos_task are not told: their ids cannot be shown"]


def test_a_probe_is_heard_when_its_clock_is_set_back(tmp_path: Path) -> None:
    earlier = NOW - 7200
    report = _survey(tmp_path).take(earlier)
    check(report, earlier, Limits())


def test_reports_are_counted_and_disabled_sources_are_not_asked(tmp_path: Path) -> None:
    survey = _survey(tmp_path, Source("bad", reporter=Failing()))
    survey.disabled = frozenset({"bad"})
    assert [survey.take(NOW).number, survey.take(NOW).number] == [1, 2]
    assert survey.take(NOW).problems == []
