"""Whose output there is, as the core knows it: tasks with a container, and custom executors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.core.book import Book
from orchestrator.agent.core.logs import LogSource
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import Labels


def containers(book: Book) -> Iterator[str]:
    """The ids of all containers that write something."""
    for task in book.tasks():
        if task.containerizer is not None:
            yield task.id
    for executor in book.executors():
        if executor.containerizer is not None:
            yield executor.id


def source_of(book: Book, work_dir: Path, container_id: str) -> LogSource | None:
    """Whose output a container's is; None where there is none."""
    one = book.get(container_id) or book.get_executor(container_id)
    if one is None or one.containerizer is None:
        return None
    return _source(one.container, work_dir, one.info.labels)


def _source(container: Container, work_dir: Path, labels: Labels | None) -> LogSource | None:
    try:
        directory = sandbox.path_of(work_dir, container)
    except SandboxError:
        return None  # it was refused
    return LogSource(
        container_id=container.id,
        directory=str(directory),
        agent_id=container.agent_id,
        framework_id=container.framework_id,
        executor_id=container.executor_id,
        task_id=container.task_id or "",
        labels={label.key: label.value or "" for label in labels.labels} if labels else {},
    )
