"""What becomes of a report that comes after another of the same probe."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.monitoring.reports import report

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.intake import Intake, RefusedError
from orchestrator.monitoring.app.roster import Roster
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.report import Connection, Limits, Node, Report, codec

HOST = Node("a", metrics={"load_1m": 1.0})
PROCESS = Node("a;1", metrics={"cpu_percent": 1.0})
OPENED = Connection(";10.0.0.1;", ";10.0.0.2;80", source_process="a;1", rtt_ms=1.0)
INFINITE = float("inf")


def _said(number: int, **changes: Any) -> Report:
    given = {"host": [HOST], "process": [PROCESS], "connections": [OPENED], **changes}
    nodes = {"host": given["host"], "process": given["process"]}
    return report("a", number, nodes=nodes, connections=given["connections"])


def _take(intake: Intake, said: Report) -> None:
    intake.take(codec.encode(said), codec.MSGPACK, "", said.taken_at)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"process": [PROCESS, Node("a;\n")]}, "cannot be shown"),
        ({"process": [PROCESS, PROCESS]}, "twice"),
        ({"process": [Node("a;1", metrics={"cpu_percent": INFINITE})]}, "not a finite"),
        ({"host": [Node("a", metrics={"load_1m": INFINITE})]}, "not a finite"),
        ({"connections": [Connection("\n", ";10.0.0.2;80")]}, "cannot be shown"),
        ({"connections": [replace(OPENED, rtt_ms=INFINITE)]}, "not finite"),
    ],
)
def test_what_is_new_in_a_report_is_checked_as_all_of_the_first(
    changes: dict[str, Any], reason: str
) -> None:
    picture = Picture()
    intake = Intake(picture, Roster(1), Counts(), Limits(), 10)
    _take(intake, _said(1))
    with pytest.raises(RefusedError, match=reason):
        _take(intake, _said(2, **changes))
    assert picture.kept["a"].report.number == 1
    _take(intake, _said(3))
    assert picture.kept["a"].report.number == 3
