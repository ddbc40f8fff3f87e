"""The file format of task-master-ai (tasks.json, tagged) to records and back.

Whatever we do not know stays as it was, in its place; of what we know, only fields that changed are
written. What a document says of a task beyond the fields of the format is in ``metadata.prd``,
which task-master-ai keeps. Subtasks are nested in their task, and name each other by their last
number. Source: task-master-ai 0.43.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from orchestrator.taskmaster.core import ids, marks
from orchestrator.taskmaster.core.model import Priority, Status, Task, TaskId
from orchestrator.taskmaster.core.recording import Record, Records

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Object: TypeAlias = dict[str, Json]


class FormatError(ValueError):
    """A file that is no list of tasks: what is wrong, and where, as a sentence."""


def records(tag: Mapping[str, Json]) -> Records:
    """The tasks of a tag, each followed by its subtasks. Raises FormatError."""
    found: list[Record] = []
    for index, raw in enumerate(_objects(tag, "tasks", "the list of tasks")):
        whole = _record(raw, TaskId(_number(raw, f"task {index + 1} of the list")), None)
        found.append(whole)
        subtasks = _objects(raw, "subtasks", f"task {whole.task.id}", is_needed=False)
        for place, sub in enumerate(subtasks):
            where = f"subtask {place + 1} of task {whole.task.id}"
            id = TaskId(whole.task.id.number, _number(sub, where))
            found.append(_record(sub, id, whole.task))
    seen: set[TaskId] = set()
    for record in found:
        if record.task.id in seen:
            raise FormatError(f"it has task {record.task.id} twice")
        seen.add(record.task.id)
    return tuple(found)


def updated(tag: Mapping[str, Json], new: Sequence[Record]) -> Object:
    """The tag with these records: tasks that are not among them are dropped."""
    before = {record.task.id: record for record in records(tag)}
    raws = dict(_raws(tag))
    tasks: dict[int, Object] = {}
    subtasks: dict[int, list[Json]] = {}
    for record in new:
        id = record.task.id
        raw = _written(raws.get(id, {}), before.get(id), record)
        if id.sub:
            subtasks.setdefault(id.number, []).append(raw)
        else:
            tasks[id.number] = raw
    for number, raw in tasks.items():
        if number in subtasks or "subtasks" in raw:
            raw["subtasks"] = subtasks.get(number, [])
    return {**tag, "tasks": list(tasks.values())}


def _raws(tag: Mapping[str, Json]) -> Iterator[tuple[TaskId, Object]]:
    for raw in _objects(tag, "tasks", ""):
        number = _number(raw, "")
        yield TaskId(number), raw
        for sub in _objects(raw, "subtasks", "", is_needed=False):
            yield TaskId(number, _number(sub, "")), sub


def _objects(
    raw: Mapping[str, Json], name: str, where: str, *, is_needed: bool = True
) -> list[Object]:
    value = raw.get(name)
    if value is None and not is_needed:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise FormatError(f"{where} has no list {name!r}")
    return [each for each in value if isinstance(each, dict)]


def _number(raw: Mapping[str, Json], where: str) -> int:
    value = raw.get("id")
    last = value.rpartition(".")[2] if isinstance(value, str) else value
    if isinstance(last, str) and last.isdecimal():
        last = int(last)
    if isinstance(last, bool) or not isinstance(last, int) or not 0 < last <= ids.LARGEST:
        raise FormatError(f"{where} has the id {value!r}; ids are numbers from 1 on")
    return last


def _record(raw: Mapping[str, Json], id: TaskId, whole: Task | None) -> Record:
    prd = _prd(raw)
    hours = prd.get("estimateHours")
    said = prd.get("status")
    line = prd.get("line")
    task = Task(
        id,
        _text(raw, "title", id),
        line if isinstance(line, int) and not isinstance(line, bool) else 0,
        _status(raw.get("status", Status.PENDING), id),
        _priority(raw, whole),
        tuple(_dependencies(raw, id)),
        float(hours) if isinstance(hours, int | float) and not isinstance(hours, bool) else None,
        _strings(prd.get("deliverables")),
        _component(prd, whole),
        tuple(line for line in _text(raw, "details", id, "").split("\n") if line),
    )
    return Record(task, None if said is None else _status(said, id))


def _prd(raw: Mapping[str, Json]) -> Mapping[str, Json]:
    metadata = raw.get("metadata")
    prd = metadata.get("prd") if isinstance(metadata, dict) else None
    return prd if isinstance(prd, dict) else {}


def _text(raw: Mapping[str, Json], name: str, id: TaskId, default: str | None = None) -> str:
    value = raw.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise FormatError(f"task {id} has no {name}")
    return value


def _status(value: Json, id: TaskId) -> Status:
    status = marks.status_of(value) if isinstance(value, str) else None
    if status is None:
        known = ", ".join(Status)
        raise FormatError(f"task {id} has the status {value!r}; known are {known}")
    return status


def _priority(raw: Mapping[str, Json], whole: Task | None) -> Priority:
    value = raw.get("priority")
    priority = marks.priority_of(value) if isinstance(value, str) else None
    return priority or (whole.priority if whole else Priority.MEDIUM)


def _component(prd: Mapping[str, Json], whole: Task | None) -> str:
    value = prd.get("component")
    return value if isinstance(value, str) else (whole.component if whole else "")


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(s for s in value if isinstance(s, str)) if isinstance(value, list) else ()


def _dependencies(raw: Mapping[str, Json], id: TaskId) -> Iterator[TaskId]:
    value = raw.get("dependencies") or []
    if not isinstance(value, list):
        raise FormatError(f"task {id} has no list 'dependencies'")
    for each in value:
        found = ids.parse(str(each)) if isinstance(each, int | str) else None
        if found is None:
            raise FormatError(f"task {id} depends on {each!r}, which is no id")
        is_sibling = id.sub and not found.sub and isinstance(each, int)
        yield TaskId(id.number, found.number) if is_sibling else found


def _written(raw: Mapping[str, Json], old: Record | None, new: Record) -> Object:
    """The task as JSON, with the fields that changed; all of them if it is new."""
    before, after = _fields(old) if old else {}, _fields(new)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    written = {"id": new.task.id.sub or new.task.id.number, **raw} | changed
    prd = _prd_of(new)
    if prd != (_prd_of(old) if old else {}):
        metadata = raw.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        written["metadata"] = {**known, "prd": {**_prd(raw), **prd}}
    return written


def _fields(record: Record) -> Object:
    task = record.task
    return {
        "title": task.title,
        "description": task.details[0] if task.details else task.title,
        "details": "\n".join(task.details),
        "testStrategy": "",
        "status": task.status.value,
        "dependencies": [_dependency(task.id, each) for each in task.dependencies],
        "priority": task.priority.value,
    }


def _dependency(id: TaskId, other: TaskId) -> Json:
    if id.sub and other.number == id.number and other.sub:
        return other.sub
    return str(other) if other.sub or id.sub else other.number


def _prd_of(record: Record) -> Object:
    if record.said is None:
        return {}
    task = record.task
    return {
        "status": record.said.value,
        "line": task.line,
        "component": task.component,
        "estimateHours": task.estimate_h,
        "deliverables": list(task.deliverables),
    }
