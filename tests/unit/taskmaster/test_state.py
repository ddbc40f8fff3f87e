"""The state file: task-master-ai's, in both directions; whole, logged, and undone."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.taskmaster.adapters import codec
from orchestrator.taskmaster.adapters.state import (
    Change,
    MissingError,
    Source,
    State,
    StateError,
    UndoError,
)
from orchestrator.taskmaster.core.model import Priority, Status, TaskId
from orchestrator.taskmaster.core.reading import read_text
from orchestrator.taskmaster.core.recording import Records, merge, set_status

SOURCE = Source("PRD.md", "0" * 64)
THEIRS = {
    "master": {
        "tasks": [
            {
                "id": 1,
                "title": "Set up",
                "description": "d",
                "status": "done",
                "dependencies": [],
                "priority": "high",
                "details": "one\ntwo",
                "testStrategy": "by hand",
                "subtasks": [
                    {"id": 1, "title": "a", "status": "done", "dependencies": []},
                    {"id": 2, "title": "b", "status": "pending", "dependencies": [1, "2"]},
                ],
                "complexity": 7,
            },
            {"id": "2", "title": "Go on", "status": "in-progress", "dependencies": ["1"]},
        ],
        "metadata": {"created": "x", "completedCount": 1, "lastModified": "then"},
    },
    "feature": {"tasks": [], "metadata": {"note": "left alone"}},
}


def kept(tmp_path: Path, content: object) -> State:
    state = State(tmp_path)
    state.path.parent.mkdir(parents=True)
    state.path.write_text(content if isinstance(content, str) else json.dumps(content))
    return state


def done(number: int) -> Change:
    """A change: that task is done."""
    return lambda records: set_status(records, TaskId(number), Status.DONE)


def written(state: State) -> Any:
    return json.loads(state.path.read_text())


def parsed(state: State, text: str) -> Records:
    plan = read_text(text, "PRD.md")
    return state.replace("parse-prd", lambda records: merge(records, plan).records, SOURCE)


def test_the_tasks_of_task_master_ai_are_read(tmp_path: Path) -> None:
    tasks = [record.task for record in kept(tmp_path, THEIRS).records()]
    assert [(str(t.id), t.status, t.priority, [str(d) for d in t.dependencies]) for t in tasks] == [
        ("1", Status.DONE, Priority.HIGH, []),
        ("1.1", Status.DONE, Priority.HIGH, []),
        ("1.2", Status.PENDING, Priority.HIGH, ["1.1", "2"]),
        ("2", Status.IN_PROGRESS, Priority.MEDIUM, ["1"]),
    ]


def test_only_what_changed_is_written_and_what_is_unknown_is_kept(tmp_path: Path) -> None:
    state = kept(tmp_path, THEIRS)
    state.change("complete", done(2))
    expected = json.loads(json.dumps(THEIRS))
    expected["master"]["tasks"][1]["status"] = "done"
    expected["master"]["metadata"]["completedCount"] = 2
    found = written(state)
    assert found["master"]["metadata"].pop("lastModified") != "then"
    del expected["master"]["metadata"]["lastModified"]
    assert found == expected


def test_a_file_from_before_there_were_tags_stays_one(tmp_path: Path) -> None:
    state = kept(tmp_path, {"tasks": [{"id": 1, "title": "A", "status": "pending"}], "x": 1})
    state.change("complete", done(1))
    assert json.loads(state.path.read_text()) == {
        "tasks": [{"id": 1, "title": "A", "status": "done"}],
        "x": 1,
    }


def test_a_document_is_taken_over_and_read_again_the_same(tmp_path: Path) -> None:
    text = "## Core\n- Task 21: App ✅\n  - [x] API\n  - [ ] UI\n  - Est. Time: 3h\n- [ ] 5. B\n"
    state = State(tmp_path)
    records = parsed(state, text)
    assert state.records() == records
    assert state.source() == SOURCE
    before = state.path.read_bytes()
    assert parsed(state, text) == records
    assert state.path.read_bytes() == before
    assert len(state.log.read()) == 1


def test_a_recorded_status_outlives_a_new_version_of_the_document(tmp_path: Path) -> None:
    state = State(tmp_path)
    parsed(state, "- Task 1: A\n- Task 2: B\n- Task 3: C\n")
    for number in (1, 3):
        state.change("x", done(number))
    records = parsed(state, "- Task 1: A2\n- Task 2: B ✅\n- Task 4: D\n")
    assert [(str(r.task.id), r.task.title, r.task.status) for r in records] == [
        ("1", "A2", Status.DONE),
        ("2", "B", Status.DONE),
        ("4", "D", Status.PENDING),
    ]


def test_changes_are_logged_and_undone_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKMASTER_USER", "ann")
    state = State(tmp_path)
    first = parsed(state, "- Task 1: A\n- Task 2: B\n")
    for number in (1, 2):
        state.change("complete", done(number), "why")
    assert [(e.number, e.action, e.by, e.note) for e in state.log.read()] == [
        (1, "parse-prd", "ann", "PRD.md"),
        (2, "complete", "ann", "why"),
        (3, "complete", "ann", "why"),
    ]
    state.undo()
    assert [r.task.status for r in state.records()] == [Status.DONE, Status.PENDING]
    state.undo()
    assert state.records() == first
    state.undo()
    assert state.records() == ()
    with pytest.raises(UndoError, match="nothing to undo"):
        state.undo()


def test_what_was_changed_by_other_means_is_not_undone(tmp_path: Path) -> None:
    state = State(tmp_path)
    parsed(state, "- Task 1: A\n")
    state.change("complete", done(1))
    state.path.write_text(state.path.read_text().replace('"A"', '"Edited"'))
    before = state.path.read_bytes()
    with pytest.raises(UndoError, match="task 1 was changed since"):
        state.undo()
    assert state.path.read_bytes() == before


def test_a_log_that_a_crash_cut_off_goes_on(tmp_path: Path) -> None:
    state = State(tmp_path)
    parsed(state, "- Task 1: A\n")
    log = state.path.with_name("events.jsonl")
    with log.open("ab") as file:
        file.write(b'{"number":2,"at":')
    state.change("complete", done(1))
    assert [event.number for event in state.log.read()] == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is no list of tasks"),
        ({"master": {"tasks": 5}}, "the list of tasks has no list 'tasks'"),
        ({"tasks": [{"title": "A"}]}, "task 1 of the list has the id None"),
        ({"tasks": [{"id": "HAM-1", "title": "A"}]}, "has the id 'HAM-1'; ids are numbers"),
        ({"tasks": [{"id": 1}]}, "task 1 has no title"),
        ({"tasks": [{"id": 1, "title": "A", "status": "who knows"}]}, "the status 'who knows'"),
        ({"tasks": [{"id": 1, "title": "A"}, {"id": 1, "title": "B"}]}, "it has task 1 twice"),
        ({"tasks": [{"id": 1, "title": "A", "dependencies": ["x"]}]}, "'x', which is no id"),
    ],
)
def test_a_damaged_file_is_said_and_left_as_it_is(
    tmp_path: Path, content: object, message: str
) -> None:
    state = kept(tmp_path, content)
    before = state.path.read_bytes()
    with pytest.raises(StateError, match=message):
        state.change("complete", done(1))
    assert state.path.read_bytes() == before
    assert [path.name for path in state.path.parent.iterdir()] == ["tasks.json"]


def test_without_a_file_it_is_said_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"start with `task-master parse-prd --input=PRD\.md`"):
        State(tmp_path).records()
    with pytest.raises(MissingError, match="has no tag 'other'; it has master, feature"):
        State(kept(tmp_path, THEIRS).root, "other").records()


LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(LETTERS, st.sampled_from(list(Status)), st.lists(st.integers(1, 9), max_size=3)),
        max_size=8,
    ),
    st.integers(1, 9),
    st.sampled_from(list(Status)),
)
def test_what_is_written_is_read_again(
    rows: list[tuple[str, Status, list[int]]], number: int, status: Status
) -> None:
    raw: codec.Object = {
        "tasks": [
            {"id": n, "title": title, "status": status.value, "dependencies": list(after)}
            for n, (title, status, after) in enumerate(rows, 1)
        ]
    }
    records = codec.records(raw)
    assert codec.updated(raw, records) == raw
    changed = set_status(records, TaskId(number), status)
    assert codec.records(codec.updated(raw, changed)) == changed
    assert codec.records(codec.updated({"tasks": []}, changed)) == changed
