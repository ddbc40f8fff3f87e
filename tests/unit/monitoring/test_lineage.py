"""What processes and containers belong to, from one report to the next."""

from tests.unit.monitoring.reports import report

from orchestrator.monitoring.render.lineage import Local
from orchestrator.monitoring.report import Node, Report
from orchestrator.monitoring.report.kept import keep


def _said(number: int, tasks: dict[str, str], pids: list[int]) -> Report:
    """Containers of tasks, and a process in each container in turn."""
    containers = [Node(id, parents={"mesos_task": [task]}) for id, task in tasks.items()]
    processes = [
        Node(f"a;{pid}", parents={"container": [list(tasks)[pid % len(tasks)]]}) for pid in pids
    ]
    nodes = {"host": [Node("a")], "container": containers, "process": processes}
    return report("a", number, nodes=nodes)


def test_a_lineage_goes_on_unless_something_in_it_has_changed() -> None:
    first = keep(_said(1, {"c0": "t0", "c1": "t1"}, [0, 1]))
    second = keep(_said(2, {"c0": "t0", "c1": "t2"}, [0, 1, 2]), first)
    before = Local(first.report)
    known = {id: before.process(id) for id in before.processes}
    after = Local(second.report, before)
    assert after.process("a;0") is known["a;0"]
    assert after.process("a;1") == {**known["a;1"], "mesos_task": "t2"}
    assert after.process("a;2") == {**known["a;0"], "process": "a;2", "name": "a;2"}
