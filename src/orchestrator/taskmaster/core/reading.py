"""Reads a document: bytes to text, to blocks, to evidence, to tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.taskmaster.core import declared, fields, graph, marks
from orchestrator.taskmaster.core.blocks import blocks
from orchestrator.taskmaster.core.collecting import Collection, Listed, Loose
from orchestrator.taskmaster.core.folding import fold
from orchestrator.taskmaster.core.model import (
    MOST_BYTES,
    DocumentError,
    Evidence,
    Field,
    Finding,
    Level,
    Plan,
    TaskId,
    Weight,
)
from orchestrator.taskmaster.core.mojibake import repair
from orchestrator.taskmaster.core.resolving import resolve

_BOM = "\ufeff"


def read(data: bytes, name: str) -> Plan:
    """What a document says. Raises DocumentError if it is not text, or too large."""
    return read_text(decode(data, name), name)


def decode(data: bytes, name: str) -> str:
    """The document's text as it stands there. Raises DocumentError."""
    if len(data) > MOST_BYTES:
        size = len(data) / 1e6
        raise DocumentError(f"{name} has {size:.0f} MB; at most {MOST_BYTES // 10**6} MB are read")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise DocumentError(f"{name} is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise DocumentError(f"{name} is a binary file, not Markdown")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{name} is not UTF-8: a wrong byte in line {line}") from None


def read_text(text: str, name: str) -> Plan:
    """What a text says. Any text can be read."""
    found = list(blocks(repair(text.removeprefix(_BOM))))
    collection = Collection()
    collection.collect(found)
    entries = fold(collection.entries, collection.said)
    ids, evidence = _subject(collection)
    positions = {f"TASK_{e.position:03}": e.task for e in entries if e.task is not None}
    listed = {one.line for one in collection.entries}
    resolved = resolve(ids, evidence, positions, listed)
    plan = Plan(
        name,
        resolved.tasks,
        entries,
        resolved.conflicts,
        declared.drifts(found, resolved.tasks),
    )
    findings = (*_nothing(plan), *_twice(plan), *graph.findings(plan.tasks))
    return Plan(name, plan.tasks, entries, plan.conflicts, plan.drifts, findings)


def _subject(collection: Collection) -> tuple[list[TaskId], list[Evidence]]:
    """The ids that are tasks here, and what is said of them."""
    if collection.defined:
        logged = list(collection.logged.values())
        return list(collection.defined), collection.evidence + logged
    if collection.entries:
        ids = [TaskId(one.entry.position) for one in collection.entries]
        return ids, [each for one in collection.entries for each in _of_entry(one)]
    return _of_boxes(collection.loose)


def _of_entry(one: Listed) -> Iterable[Evidence]:
    """An entry that is a task itself, as the document uses no ids."""
    task, text = TaskId(one.entry.position), one.entry.text
    yield Evidence(task, Field.TITLE, marks.without_marks(text), one.line, Weight.LINE)
    if one.entry.priority is not None:
        yield Evidence(task, Field.PRIORITY, one.entry.priority, one.line, Weight.BRACKET)
    status = marks.mark_in(text)
    if status is not None:
        yield Evidence(task, Field.STATUS, status, one.line, Weight.MARK)
    for path in fields.code_paths(text):
        yield Evidence(task, Field.DELIVERABLE, path, one.line, Weight.LINE)


def _of_boxes(loose: Sequence[Loose]) -> tuple[list[TaskId], list[Evidence]]:
    """Check boxes are tasks where nothing else is; those nested in one are its subtasks."""
    ids: list[TaskId] = []
    evidence: list[Evidence] = []
    top = min((one.depth for one in loose), default=0)
    for one in loose:
        is_sub = bool(ids) and one.depth > top
        last = ids[-1] if ids else TaskId(0)
        task = TaskId(last.number, last.sub + 1) if is_sub else TaskId(last.number + 1)
        ids.append(task)
        status = marks.box_status(one.box)
        evidence.append(Evidence(task, Field.TITLE, one.title, one.line, Weight.LINE))
        evidence.append(Evidence(task, Field.STATUS, status, one.line, Weight.BOX))
    return ids, evidence


def _nothing(plan: Plan) -> Iterable[Finding]:
    if not plan.tasks:
        yield Finding(
            Level.WARNING,
            '0 tasks, because the document has no TASK_nnn, no "Task N", no check box and no'
            " table of tasks",
        )


def _twice(plan: Plan) -> Iterable[Finding]:
    """The same id with two titles, each in a definition of its own."""
    for conflict in plan.conflicts:
        if conflict.field is not Field.TITLE or conflict.chosen.weight < Weight.LINE:
            continue
        for other in conflict.others:
            if other.weight >= Weight.LINE:
                message = (
                    f"task {conflict.id} is defined twice: as {conflict.chosen.value!r} in line"
                    f" {conflict.chosen.line} and as {other.value!r} in line {other.line}"
                )
                yield Finding(Level.ERROR, message, other.line)
                break
