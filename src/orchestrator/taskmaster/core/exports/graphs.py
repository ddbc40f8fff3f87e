"""The dependencies as a picture: Graphviz and Mermaid. An arrow goes to what waits."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.taskmaster.core.model import Status, Task, TaskId

_COLOURS = {
    Status.DONE: "#c8e6c9",
    Status.IN_PROGRESS: "#fff3c4",
    Status.PENDING: "#eceff1",
    Status.REVIEW: "#d1e3fa",
    Status.DEFERRED: "#e0d7f0",
    Status.CANCELLED: "#d7d7d7",
    Status.BLOCKED: "#f8cfcf",
}


def to_dot(tasks: Sequence[Task]) -> str:
    """For ``dot -Tsvg``."""
    lines = ["digraph tasks {", "  rankdir=LR;", '  node [shape=box, style="rounded,filled"];']
    for task in tasks:
        label = _quoted(f"{task.id}: {task.title}")
        lines.append(f'  "{task.id}" [label={label}, fillcolor="{_COLOURS[task.status]}"];')
    lines += [f'  "{before}" -> "{after}";' for before, after in _edges(tasks)]
    return "\n".join([*lines, "}", ""])


def to_mermaid(tasks: Sequence[Task]) -> str:
    """For a fence of GitHub's and GitLab's Markdown."""
    lines = ["flowchart LR"]
    for task in tasks:
        title = "".join(_escaped(char) for char in task.title)
        lines.append(f'  {_node(task.id)}["{task.id}: {title}"]:::{_class(task.status)}')
    lines += [f"  {_node(before)} --> {_node(after)}" for before, after in _edges(tasks)]
    used = {task.status for task in tasks}
    lines += [f"  classDef {_class(s)} fill:{_COLOURS[s]}" for s in Status if s in used]
    return "\n".join([*lines, ""])


def _edges(tasks: Sequence[Task]) -> list[tuple[TaskId, TaskId]]:
    return [(before, task.id) for task in tasks for before in task.dependencies]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _node(id: TaskId) -> str:
    return "t" + str(id).replace(".", "_")


def _class(status: Status) -> str:
    return status.value.replace("-", "")


def _escaped(char: str) -> str:
    """Mermaid's own form of entities, for all that may mean something to it."""
    return char if char.isalnum() or char in " ,.:-_/()" else f"#{ord(char)};"
