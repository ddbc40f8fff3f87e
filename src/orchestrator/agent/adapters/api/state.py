"""/state as src/slave/http.cpp of Mesos 1.11 writes it, as far as this agent knows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.task import Task
from orchestrator.mesos import resource_wire
from orchestrator.mesos.older_api import MESOS_VERSION, Json, attribute, quantities, reserved
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import FrameworkInfo, Resource, TaskStatus


def state(agent: Agent, work_dir: Path, flags: Mapping[str, str], started_at: float) -> Json:
    """/state."""
    host = agent.host
    live, gone = _by_framework(agent.book.tasks()), _by_framework(agent.book.completed)
    frameworks = agent.book.frameworks
    return {
        "version": MESOS_VERSION,
        "id": agent.agent_id.value if agent.agent_id else "",
        "pid": f"slave(1)@{host.ip}:{host.port}",
        "hostname": host.hostname,
        "start_time": started_at,
        "resources": quantities(host.resources),
        "reserved_resources": reserved(host.resources),
        "unreserved_resources": quantities(host.resources.unreserved()),
        "used_resources": quantities(agent.book.used),
        "attributes": {a.name: attribute(a) for a in host.attributes},
        "registration": {
            "state": agent.registration.state,
            "problem": agent.registration.last_problem,
        },
        "flags": flags,
        "frameworks": [
            _framework(
                id_,
                info,
                _executors_of(agent, id_, live.get(id_, []), work_dir),
                _ended_executors(gone.get(id_, []), work_dir),
            )
            for id_, info in frameworks.items()
        ],
        "completed_frameworks": [
            _framework(id_, None, [], _ended_executors(tasks, work_dir))
            for id_, tasks in gone.items()
            if id_ not in frameworks
        ],
    }


def _by_framework(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in tasks:
        found.setdefault(task.framework_id, []).append(task)
    return found


def _framework(
    id_: str, info: FrameworkInfo | None, executors: Iterable[Json], completed: Iterable[Json]
) -> Json:
    return {
        "id": id_,
        "name": info.name if info else "",
        "user": info.user if info else "",
        "hostname": (info.hostname if info else None) or "",
        "failover_timeout": info.failover_timeout if info else 0.0,
        "checkpoint": bool(info and info.checkpoint),
        "roles": (info.roles or [info.role]) if info else [],
        "executors": list(executors),
        "completed_executors": list(completed),
    }


def _executors_of(agent: Agent, framework_id: str, tasks: list[Task], work: Path) -> Iterator[Json]:
    """Those with a record, then the commands, and what is left of executors that have ended."""
    known = [e for e in agent.book.executors() if e.framework_id == framework_id]
    ids = {executor.id for executor in known}
    for executor in known:
        yield _executor(executor, agent.book.of_executor(executor), work)
    for members in _by_run(task for task in tasks if task.parent_id not in ids):
        yield _past_executor(members, work) if members[0].parent_id else _command(members[0], work)


def _ended_executors(tasks: Iterable[Task], work: Path) -> Iterator[Json]:
    for members in _by_run(tasks):
        yield _past_executor(members, work) if members[0].parent_id else _command(members[0], work)


def _by_run(tasks: Iterable[Task]) -> Iterable[list[Task]]:
    runs: dict[str, list[Task]] = {}
    for task in tasks:
        runs.setdefault(task.parent_id or task.id, []).append(task)
    return runs.values()


def _executor(executor: Executor, tasks: list[Task], work_dir: Path) -> Json:
    return {
        "id": executor.info.executor_id.value,
        "name": executor.info.name or "",
        "source": executor.info.source or "",
        "type": "CUSTOM" if executor.is_custom else "DEFAULT",
        "container": executor.id,
        "directory": _run(
            work_dir,
            executor.agent_id,
            executor.framework_id,
            executor.info.executor_id.value,
            executor.id,
        ),
        "resources": _quantities(executor.info.resources),
        **_tasks(tasks),
    }


def _past_executor(tasks: list[Task], work_dir: Path) -> Json:
    """An executor that has ended, as far as its tasks still tell of it."""
    one = tasks[0]
    return {
        "id": one.executor_id,
        "name": "",
        "source": "",
        "type": "CUSTOM" if one.containerizer is None else "DEFAULT",
        "container": one.parent_id,
        "directory": _run_of_task(one, work_dir),
        "resources": _quantities([]),
        **_tasks(tasks),
    }


def _command(task: Task, work_dir: Path) -> Json:
    """The command executor that Mesos would run the task with."""
    return {
        "id": task.executor_id,
        "name": f"Command Executor (Task: {task.info.task_id.value})",
        "source": task.info.task_id.value,
        "type": "COMMAND",
        "container": task.id,
        "directory": directory(task, work_dir),
        "resources": _quantities(task.info.resources),
        **_tasks([task]),
    }


def _tasks(tasks: list[Task]) -> Json:
    return {
        "tasks": [task_json(task) for task in tasks if not task.has_ended],
        "queued_tasks": [],
        "completed_tasks": [task_json(task) for task in tasks if task.has_ended],
    }


def directory(task: Task, work_dir: Path) -> str:
    """The task's sandbox, empty for a task that never could have one."""
    run = _run_of_task(task, work_dir)
    is_member = run and task.parent_id is not None and task.containerizer is not None
    return f"{run}/{sandbox.MEMBERS}/{task.id}" if is_member else run


def _run_of_task(task: Task, work_dir: Path) -> str:
    agent_id, run_id = task.info.agent_id.value, task.parent_id or task.id
    return _run(work_dir, agent_id, task.framework_id, task.executor_id, run_id)


def _run(work_dir: Path, *names: str) -> str:
    try:
        return str(sandbox.run_path(work_dir, *names))
    except SandboxError:
        return ""


def task_json(task: Task) -> Json:
    """One task."""
    info = task.info
    shown: Json = {
        "id": info.task_id.value,
        "name": info.name,
        "framework_id": task.framework_id,
        "executor_id": task.executor_id if task.parent_id else "",
        "slave_id": info.agent_id.value,
        "state": task.state,
        "resources": _quantities(info.resources),
        "role": _role(task),
        "statuses": [_status(task.latest)] if task.latest else [],
    }
    if info.labels:
        shown["labels"] = info.labels.labels
    if info.discovery:
        shown["discovery"] = info.discovery
    if info.container:
        shown["container"] = without_secrets(info.container)
    return shown


def _quantities(resources: list[Resource]) -> Json:
    try:
        return quantities(resource_wire.from_wire(resources))
    except ResourceError:
        return quantities(Resources())


def _role(task: Task) -> str:
    roles = (r.allocation_info.role for r in task.info.resources if r.allocation_info)
    return next((role for role in roles if role), "*")


def _status(status: TaskStatus) -> Json:
    shown: Json = {"state": status.state, "timestamp": status.timestamp}
    if status.container_status:
        shown["container_status"] = status.container_status
    return shown
