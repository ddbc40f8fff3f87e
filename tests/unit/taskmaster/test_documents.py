"""Two documents as they came, one of them double-encoded; every number counted by hand."""

from pathlib import Path

import pytest

from orchestrator.taskmaster.core import choosing
from orchestrator.taskmaster.core.ids import parse
from orchestrator.taskmaster.core.model import Field, Plan, Priority, Status, TaskId
from orchestrator.taskmaster.core.reading import read

DOCUMENTS = Path(__file__).parent / "documents"


def plan_of(name: str) -> Plan:
    return read((DOCUMENTS / name).read_bytes(), name)


STATUS, README = plan_of("status.md"), plan_of("readme.md")

#   id  status          priority    dependencies  hours  component
STATUS_TASKS = """
    1   done            high        -             -      Core Infrastructure
    2   done            high        -             -      Core Infrastructure
    3   done            high        -             -      Core Infrastructure
    7   done            high        -             -      Marathon Framework
    24  done            high        -             -      Zookeeper Migration
    36  done            high        -             -      Container Monitoring
    42  done            high        -             -      Container Monitoring
    56  done            high        -             -      GitOps
    57  done            high        -             -      GitOps
    63  done            high        -             -      CI/CD
    4   in-progress     high        1,3           -      -
    5   pending         critical    3             3      -
    8   pending         high        7             2      -
    9   pending         critical    7,8           2      -
"""
README_TASKS = """
    16  done            medium      -             -      Go Packages
    21  in-progress     medium      -             -      Go Packages
    24  pending         medium      -             -      -
    36  pending         medium      -             -      -
    8   pending         medium      -             -      -
    9   pending         medium      -             -      -
    52  pending         medium      -             -      -
"""


def rows(plan: Plan) -> list[list[str]]:
    return [
        [
            str(task.id),
            task.status,
            task.priority,
            ",".join(map(str, task.dependencies)) or "-",
            "-" if task.estimate_h is None else f"{task.estimate_h:g}",
            task.component or "-",
        ]
        for task in plan.tasks
    ]


@pytest.mark.parametrize(
    ("plan", "table"), [(STATUS, STATUS_TASKS), (README, README_TASKS)], ids=["status", "readme"]
)
def test_tasks_are_those_of_the_text_in_its_order(plan: Plan, table: str) -> None:
    assert rows(plan) == [line.split(None, 5) for line in table.strip().splitlines()]


def test_the_status_report_has_the_numbers_that_were_counted() -> None:
    assert len(STATUS.entries) == 91
    assert sum(entry.priority is Priority.HIGH for entry in STATUS.entries) == 13
    by_status = [task.status for task in STATUS.tasks]
    assert [by_status.count(s) for s in (Status.DONE, Status.IN_PROGRESS, Status.PENDING)] == [
        10,
        1,
        3,
    ]
    assert sum(len(task.dependencies) for task in STATUS.tasks) == 6
    choice = choosing.choose(STATUS.tasks)
    assert choice is not None
    assert choice.task.id == TaskId(5)


def test_the_readme_has_the_numbers_that_were_counted() -> None:
    assert len(README.entries) == 23
    assert {entry.priority for entry in README.entries} == {Priority.MEDIUM}
    assert [e.position for e in README.entries if e.task] == [8, 9, 20, 21, 22, 23]
    titles = {str(task.id): task.title for task in README.tasks}
    assert titles["16"] == "Prometheus metrics"
    assert titles["8"] == titles["9"] == "Marathon scaling"


def test_an_entry_belongs_to_what_its_text_belongs_to_not_to_its_neighbour() -> None:
    folded = {entry.position: entry.task for entry in STATUS.entries}
    assert folded[2] == folded[3] == TaskId(1)
    assert folded[30] == TaskId(63)
    assert folded[31] == folded[32] == folded[33] == TaskId(4)  # right after those of 63
    assert [n for n in folded if folded[n] is None] == list(range(43, 92))


def test_an_entry_is_found_by_its_position_and_a_task_by_its_id() -> None:
    assert parse("TASK_034", STATUS.entries) == TaskId(5)
    assert parse("5", STATUS.entries) == parse("#5") == parse("Task 5") == TaskId(5)
    assert parse("TASK_005", STATUS.entries) == TaskId(2)


def test_braces_stand_for_several_deliverables() -> None:
    task = STATUS.find(TaskId(1))
    assert task is not None
    assert task.deliverables == (
        "k8s/base/mesos-master/deployment.yaml",
        "k8s/base/mesos-master/service.yaml",
        "k8s/base/mesos-master/serviceaccount.yaml",
    )
    assert task.details == ("3 replicas, Zookeeper leader election, Prometheus metrics",)


def test_what_contradicts_is_kept_with_the_lines_it_comes_from() -> None:
    seen = {
        (str(c.id), c.field, c.chosen.value, c.chosen.line, c.others[0].value)
        for c in STATUS.conflicts
    }
    assert seen == {
        ("5", Field.PRIORITY, "critical", 100, "high"),
        ("9", Field.PRIORITY, "critical", 112, "high"),
    }
    task = STATUS.find(TaskId(4))
    assert task is not None
    (status,) = [e for e in task.evidence if e.field is Field.STATUS and e.weight > 30]
    assert (status.value, status.line) == ("in-progress", 335)


def test_what_a_document_says_of_itself_is_compared_with_what_it_lists() -> None:
    found = [(d.line, d.what, d.declared, d.found) for d in STATUS.drifts]
    assert found == [
        (238, "tasks in total", "64", "14 listed"),
        (241, "tasks pending", "53", "3 listed"),
        (249, "tasks done in the table", "12", "10 listed"),
        (249, "tasks in the table", "64", "14 listed"),
    ]
    assert [(d.what, d.declared, d.found) for d in README.drifts] == [
        ("tasks done", "11", "1 listed"),
        ("tasks in total", "64", "7 listed"),
    ]
    assert STATUS.findings == README.findings == ()
