"""Tasks, with the keys that mesos-dns resolves them by."""

from __future__ import annotations

from orchestrator.master.core.records import LiveTask
from orchestrator.mesos import codec
from orchestrator.mesos.older_api import Json, quantities
from orchestrator.mesos.types import Labels, Message, TaskStatus


def task(of: LiveTask) -> Json:
    """A task, with the keys that mesos-dns resolves it by."""
    optional: dict[str, object] = {
        "labels": labels(of.labels),
        "discovery": plain(of.discovery),
        "container": plain(of.container),
        "health_check": plain(of.health_check),
        "user": of.user,
    }
    return {
        "id": of.task_id,
        "name": of.name,
        "framework_id": of.framework_id,
        "executor_id": of.executor_id or "",
        "slave_id": of.agent_id,
        "state": of.state.value,
        "role": of.role,
        "resources": quantities(of.resources),
        "statuses": [_status(s) for s in of.statuses],
        **{key: value for key, value in optional.items() if value},
    }


def _status(of: TaskStatus) -> Json:
    optional = {
        "labels": labels(of.labels),
        "container_status": plain(of.container_status),
        "healthy": of.healthy,
    }
    return {
        "state": of.state.value,
        "timestamp": of.timestamp,
        **{key: value for key, value in optional.items() if value is not None and value != []},
    }


def labels(of: Labels | None) -> list[Json]:
    """Labels as a list of keys and values."""
    return [{"key": label.key, "value": label.value or ""} for label in of.labels] if of else []


def plain(of: Message | None) -> Json | None:
    """A message as plain data."""
    return codec.decode(dict[str, object], codec.encode(of)) if of is not None else None
