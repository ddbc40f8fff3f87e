"""Forms that a document may give its tasks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.taskmaster.core.model import (
    DocumentError,
    Level,
    Plan,
    Priority,
    Status,
    Task,
    TaskId,
)
from orchestrator.taskmaster.core.reading import read, read_text


def plan(text: str) -> Plan:
    return read_text(text, "prd.md")


FIVE = TaskId(5)


def task(text: str, id: TaskId = FIVE) -> Task:
    found = plan(text).find(id)
    assert found is not None, plan(text)
    return found


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("Task 5: Docker", Status.PENDING),
        ("- Task 5: Docker ✅", Status.DONE),
        ("1. ✅ **Task 5** - Docker", Status.DONE),
        ("### Task 5: Docker 🔄", Status.IN_PROGRESS),
        ("- [x] Task 5: Docker", Status.DONE),
        ("- [ ] #5 Docker", Status.PENDING),
        ("- [-] 5. Docker", Status.IN_PROGRESS),
        ("- Task 5: Docker (in progress)", Status.IN_PROGRESS),
        ("- Task 5: Docker - DONE", Status.DONE),
        ("- Task 5: Docker\n  - Status: cancelled", Status.CANCELLED),
        ("## ✅ Completed\n- Task 5: Docker", Status.DONE),
        ("## Deferred Tasks\n- Task 5: Docker", Status.DEFERRED),
        ("## Completed\n- Task 5: Docker 🔄", Status.IN_PROGRESS),
        ("## Completed\n### Phase 1\n- Task 5: Docker\n## Later\n", Status.DONE),
        ("- Task 5: Docker âœ…", Status.DONE),
        ("TASK_001 [HIGH]: **Task 5** - Docker ✅", Status.DONE),
        ("| Task | Title | Status |\n|---|---|---|\n| 5 | Docker | ✅ done |", Status.DONE),
        (
            "| ID | Task | Status |\n|---|---|---|\n| #5 | Docker | In Progress |",
            Status.IN_PROGRESS,
        ),
        ("| Task | Status |\n|---|---|\n| Task 5: Docker | blocked |", Status.BLOCKED),
        ("`docker.go` - Docker (Task 5) ✅", Status.DONE),
        ("- Task 5: Docker\n```\nTask 5 started\nTask 5 completed\n```", Status.DONE),
        ("## Getting started\n- Task 5: Docker", Status.PENDING),
        ("- Task 5: Docker\n- Task 6: Review done work", Status.PENDING),
    ],
)
def test_a_status_is_read_from(line: str, status: Status) -> None:
    assert (task(line).title, task(line).status) == ("Docker", status)


def test_the_state_of_a_dependency_is_not_that_of_the_task() -> None:
    text = "- Task 1: A\n- Task 3: B\n- Task 5: Docker\n  - Dependencies: Task 1, 3 ✅, Task 8"
    assert task(text).status is Status.PENDING
    assert task(text).dependencies == (TaskId(1), TaskId(3), TaskId(8))
    assert [task(text, TaskId(n)).status for n in (1, 3)] == [Status.DONE, Status.DONE]


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ("1, 3 and 8-10", [1, 3, 8, 9, 10]),
        ("#1, #3", [1, 3]),
        ("Tasks 8-9", [8, 9]),
        ("none", []),
        ("Python 3.11 and 2 GB", []),
        ("Task 7 ✅, Task 8", [7, 8]),
        ("5, 6", [6]),  # not itself
    ],
)
def test_dependencies_are_read_from(said: str, ids: list[int]) -> None:
    assert [id.number for id in task(f"- Task 5: X\n  - Depends on: {said}").dependencies] == ids


@pytest.mark.parametrize(
    ("said", "hours"),
    [("3 hours", 3.0), ("2-4h", 3.0), ("45 minutes", 0.75), ("1.5 days", 12.0), ("soon", None)],
)
def test_an_estimate_is_read_in_hours(said: str, hours: float | None) -> None:
    assert task(f"- Task 5: X\n  - Est. Time: {said}").estimate_h == hours


@pytest.mark.parametrize("name", ["Est. Time", "Est", "Est.", "Estimate", "Estimated", "Effort"])
def test_an_estimate_has_several_names_in_lines_and_in_tables(name: str) -> None:
    assert task(f"- Task 5: X\n  - {name}: 90 min").estimate_h == 1.5
    assert task(f"| Task | Title | {name} |\n|---|---|---|\n| 5 | X | 3h |").estimate_h == 3.0


def test_a_title_may_have_fields_in_brackets() -> None:
    found = task("- Task 5: Docker (CRITICAL) (2h) (depends on #1, #3) (Engine API)")
    assert found.title == "Docker (Engine API)"
    assert (found.priority, found.estimate_h) == (Priority.CRITICAL, 2.0)
    assert found.dependencies == (TaskId(1), TaskId(3))


def test_fields_of_a_heading_go_on_until_the_next() -> None:
    text = """
## Task 5: Docker (CRITICAL)
Some prose.
- Component: Agent
- Deliverables: `a/{x,y}.go`, Dockerfiles
- Pull with retry
### Notes
- Priority: low
## Other
- Component: Elsewhere
"""
    found = task(text)
    assert (found.component, found.deliverables) == ("Agent", ("a/x.go", "a/y.go", "Dockerfiles"))
    assert found.priority is Priority.LOW  # a field weighs more than the heading's own word
    assert found.details == ("Pull with retry",)
    assert [c.chosen.value for c in plan(text).conflicts] == ["low"]


def test_check_boxes_below_a_task_are_its_subtasks() -> None:
    text = "- Task 21: App\n  - [x] API\n  - [ ] UI\n    - [ ] no deeper\n"
    assert [(str(t.id), t.status) for t in plan(text).tasks] == [
        ("21", Status.PENDING),
        ("21.1", Status.DONE),
        ("21.2", Status.PENDING),
    ]


def test_without_ids_entries_are_the_tasks() -> None:
    found = plan("**TASK_001** [HIGH]: Write `a/b.go` ✅\n\n**TASK_002**: Test it").tasks
    assert [(str(t.id), t.title, t.status, t.deliverables) for t in found] == [
        ("1", "Write `a/b.go`", Status.DONE, ("a/b.go",)),
        ("2", "Test it", Status.PENDING, ()),
    ]


def test_without_ids_and_entries_check_boxes_are() -> None:
    found = plan("- [x] Write\n  - [ ] at length\n- [ ] Test").tasks
    assert [(str(t.id), t.title) for t in found] == [
        ("1", "Write"),
        ("1.1", "at length"),
        ("2", "Test"),
    ]


def test_an_entry_that_is_found_nowhere_belongs_to_nothing() -> None:
    (first, second) = plan("TASK_001: Task 5 - Docker\n\nTASK_002: Priority: HIGH").entries
    assert (first.task, second.task) == (TaskId(5), None)


def test_a_document_without_tasks_says_why() -> None:
    (finding,) = plan("# Title\n\nSome prose about task management.").findings
    assert finding.message.startswith("0 tasks, because the document has no TASK_nnn")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- Task 5: A\n- Task 5: B", "task 5 is defined twice: as 'A' in line 1 and as 'B' in"),
        ("- Task 5: A\n  - Depends on: 6", "task 5 depends on task 6, which there is not"),
        (
            "- Task 5: A\n  - Depends on: 6\n- Task 6: B\n  - Depends on: 5",
            "tasks wait for each other in a circle: 5 -> 6 -> 5",
        ),
    ],
)
def test_what_makes_a_document_invalid_is_found(text: str, message: str) -> None:
    (finding,) = plan(text).findings
    assert finding.level is Level.ERROR
    assert finding.message.startswith(message)


def test_done_before_a_dependency_is_a_warning() -> None:
    (finding,) = plan("- Task 5: A ✅\n  - Depends on: 6\n- Task 6: B").findings
    assert (finding.level, finding.message) == (
        Level.WARNING,
        "task 5 is done before task 6 it depends on",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF\0\1", "x is a binary file, not Markdown"),
        (b"a\nb\xff\n", "x is not UTF-8: a wrong byte in line 2"),
        (b"\xff\xfea\0", "x is UTF-16; save it as UTF-8"),
        (b"a" * 50_000_000, "x has 50 MB; at most 16 MB are read"),
    ],
)
def test_what_is_no_document_is_refused_with_a_sentence(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=f"^{message}$"):
        read(data, "x")


PIECES = st.sampled_from(
    [
        "Task 5", "TASK_001", "Tasks 8-9", "[HIGH]", ":", " - ", "✅", "âœ…", "ðŸ", "\n", "\n\n",
        "  - ", "- ", "1. ", "# ", "### ", "[x] ", "| a | Status |", "\n|---|---|\n", "|", "```",
        "Dependencies: ", "Status: done", "1, 3", "(Task 7)", "`a/{b,c}.go`", "{", "}",
        "Est. Time: 3h", "10/64 (16%)", "Total Tasks: 64", ">", "<b>", "\t", "\r", "\r\n",
        "99999999999", "21.3", "**",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_can_be_read(text: str) -> None:
    found = plan(text)
    last = text.count("\n") + text.count("\r") + 1
    assert all(0 < e.line <= last for t in found.tasks for e in t.evidence)
    assert len({t.id for t in found.tasks}) == len(found.tasks)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(data, "x")
    except DocumentError as error:
        assert str(error).startswith("x ")
