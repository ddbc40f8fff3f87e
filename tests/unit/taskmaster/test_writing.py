"""Statuses back into a document: nothing but marks changes, and they are read as meant."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.taskmaster.test_documents import DOCUMENTS
from tests.unit.taskmaster.test_reading import PIECES

from orchestrator.taskmaster.core.model import Status, TaskId
from orchestrator.taskmaster.core.mojibake import damage, repair
from orchestrator.taskmaster.core.reading import read_text
from orchestrator.taskmaster.core.writing import write_back

FIVE = TaskId(5)


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        ("- Task 5: A\n", Status.DONE, "- Task 5: A ✅\n"),
        ("- Task 5: A ✅ \r\n", Status.PENDING, "- Task 5: A ⬜ \r\n"),
        ("- [ ] Task 5: A", Status.DONE, "- [x] Task 5: A"),
        ("- [x] Task 5: A ✅", Status.IN_PROGRESS, "- [-] Task 5: A 🔄"),
        ("- [ ] Task 5: A", Status.REVIEW, "- [ ] Task 5: A 👀"),
        ("## Task 5: A ##\n", Status.DONE, "## Task 5: A ✅ ##\n"),
        (
            "- Task 5: A\n  - **Status**: In Progress\n",
            Status.DONE,
            "- Task 5: A\n  - **Status**: Done\n",
        ),
        (
            "|ID|Title|Status|\n|--|--|--|\n|5|Done right|pending|\n",
            Status.DONE,
            "|ID|Title|Status|\n|--|--|--|\n|5|Done right|done|\n",
        ),
        ("- Task 5: A âœ…\n", Status.IN_PROGRESS, "- Task 5: A ðŸ”„\n"),
        ("- Task 5: A\n- Task 6: B âœ…\n", Status.DONE, "- Task 5: A âœ…\n- Task 6: B âœ…\n"),
    ],
)
def test_a_status_is_written_where_the_document_has_it(
    before: str, status: Status, after: str
) -> None:
    assert write_back(before, {FIVE: status}) == (after, ())


def test_a_line_of_several_tasks_is_written_for_all_or_none() -> None:
    text = "- Tasks 8-9: Scaling\n"
    both = {TaskId(8): Status.DONE, TaskId(9): Status.DONE}
    assert write_back(text, both) == ("- Tasks 8-9: Scaling ✅\n", ())
    assert write_back(text, {TaskId(8): Status.DONE}) == (text, (TaskId(8),))


def test_a_task_that_is_not_in_the_document_is_refused() -> None:
    assert write_back("- Task 6: B\n", {FIVE: Status.DONE}) == ("- Task 6: B\n", (FIVE,))


def test_every_line_that_repeats_a_task_is_written() -> None:
    text = text_of(DOCUMENTS / "status.md")
    written = write_back(text, {FIVE: Status.DONE, TaskId(1): Status.PENDING})
    changed = difflib.ndiff(text.split("\n"), written.text.split("\n"))
    assert [repair(line[2:]) for line in changed if line.startswith("+")] == [
        "**TASK_001** [HIGH]: **Task 1** - Mesos Master Cluster Setup with HA ⬜",
        "**TASK_034** [HIGH]: **Task 5** - Docker Containerizer Integration (CRITICAL) ✅",
        "1. **Task 1** - Mesos Master Cluster Setup with HA ⬜",
        "1. **Task 5** - Docker Containerizer Integration (CRITICAL) ✅",
    ]


STATUSES = st.sampled_from(list(Status))
MARKS = "✅🔄⬜👀⏸❌⛔\ufe0f"


def without_marks(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, "").replace(damage(mark), "")
    return "\n".join(line.rstrip() for line in text.split("\n"))


@pytest.mark.parametrize("name", ["status.md", "readme.md"])
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_written_is_read_again_and_nothing_else_changes(
    name: str, data: st.DataObject
) -> None:
    text = text_of(DOCUMENTS / name)
    ids = [task.id for task in read_text(text, name).tasks]
    wanted = data.draw(st.dictionaries(st.sampled_from(ids), STATUSES, max_size=5))
    before = {task.id: task for task in read_text(text, name).tasks}
    written, refused = write_back(text, wanted)
    after = {task.id: task for task in read_text(written, name).tasks}
    assert {id: after[id].status for id in after} == {
        id: wanted.get(id, before[id].status) if id not in refused else before[id].status
        for id in before
    }
    assert without_marks(written) == without_marks(text)
    assert write_back(written, wanted).text == written
    assert [(t.id, t.title, t.priority, t.dependencies) for t in after.values()] == [
        (t.id, t.title, t.priority, t.dependencies) for t in before.values()
    ]


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join), STATUSES)
def test_in_any_text_a_status_is_written_or_refused(text: str, status: Status) -> None:
    ids = [task.id for task in read_text(text, "").tasks]
    written, refused = write_back(text, dict.fromkeys(ids, status))
    after = read_text(written, "")
    assert [task.id for task in after.tasks] == ids
    assert {t.id for t in after.tasks if t.status is not status} <= set(refused)
    if not ids:
        assert written == text


@given(st.text())
def test_damage_is_repaired_and_what_is_whole_is_left_alone(text: str) -> None:
    assert repair(damage("✅📁 é")) == "✅📁 é"
    if text.isascii():
        assert repair(text) == text
    assert repair("ðŸ“ Files, café, naïve") == "ðŸ“ Files, café, naïve"


@pytest.mark.parametrize(
    "text",
    ["- Task 5 - Status: done\n", "Task 5: Show the status: done", "- Task 5- [x] Status: done\n"],
)
def test_a_mark_that_would_make_another_title_is_refused(text: str) -> None:
    written = write_back(text, {FIVE: Status.PENDING})
    assert written == (text, (FIVE,))
