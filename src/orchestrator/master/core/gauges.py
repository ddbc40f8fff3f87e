"""The master's figures under the names that Mesos gives them (docs/operator-api.md)."""

from __future__ import annotations

from orchestrator.master.core.state import State
from orchestrator.mesos.resources import MILLI, Resources
from orchestrator.mesos.types import TaskState

_ENDED = tuple(state for state in TaskState if state.is_terminal)
_LIVE = (
    TaskState.STAGING,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.KILLING,
    TaskState.UNREACHABLE,
)
_COUNTERS = (
    "dropped_messages",
    "invalid_executor_to_framework_messages",
    "invalid_framework_to_executor_messages",
    "invalid_status_update_acknowledgements",
    "invalid_status_updates",
    "messages_authenticate",
    "messages_deactivate_framework",
    "messages_decline_offers",
    "messages_executor_to_framework",
    "messages_exited_executor",
    "messages_framework_to_executor",
    "messages_kill_task",
    "messages_launch_tasks",
    "messages_reconcile_tasks",
    "messages_register_framework",
    "messages_register_slave",
    "messages_reregister_framework",
    "messages_reregister_slave",
    "messages_resource_request",
    "messages_revive_offers",
    "messages_status_update",
    "messages_status_update_acknowledgement",
    "messages_suppress_offers",
    "messages_unregister_framework",
    "messages_unregister_slave",
    "messages_update_slave",
    "recovery_slave_removals",
    "slave_registrations",
    "slave_removals",
    "slave_reregistrations",
    "slave_shutdowns_canceled",
    "slave_shutdowns_completed",
    "slave_shutdowns_scheduled",
    "slave_unreachable_canceled",
    "slave_unreachable_completed",
    "slave_unreachable_scheduled",
    "valid_executor_to_framework_messages",
    "valid_framework_to_executor_messages",
    "valid_status_update_acknowledgements",
    "valid_status_updates",
)
_REVOCABLE = ("cpus", "gpus", "mem", "disk")
_SHARES = ("total", "used", "percent")


def counters(master: State) -> dict[str, float]:
    """What only grows since the master's start, without the prefix ``master/``."""
    figures: dict[str, float] = {name: master.counters[name] for name in _COUNTERS}
    for way in ("executor_to_framework", "framework_to_executor"):  # invalid ones get no further
        figures[f"valid_{way}_messages"] = figures[f"messages_{way}"]
    figures.update({_task_name(state): master.counters[state.value] for state in _ENDED})
    return figures


def snapshot(master: State) -> dict[str, float]:
    """All figures of the core, by Mesos' full names."""
    figures = gauges(master) | counters(master)
    return {
        **{f"master/{name}": value for name, value in figures.items()},
        **_allocator(master),
        **_NO_LOG,
    }


_NO_LOG = {
    # Mesos keeps its registry in a replicated log; ours is one store that was read at the start.
    "registrar/state_fetch_ms": 0.0,  # it is read before there is a master
    "registrar/log/ensemble_size": 1.0,
    "registrar/log/recovered": 1.0,
    "overlay/log/ensemble_size": 1.0,
    "overlay/log/recovered": 1.0,
    # Inputs are handled as they come; those that wait for the disk count as dispatches.
    "master/event_queue_http_requests": 0.0,
    "master/event_queue_messages": 0.0,
}


def _allocator(master: State) -> dict[str, float]:
    allocated: dict[str, int] = {}
    for agent in master.cluster.agents.values():
        _count(allocated, agent.usage.allocated)
    changed = float(len(master.changed_agents))
    figures = {
        "allocator/event_queue_dispatches": changed,
        "allocator/mesos/event_queue_dispatches": changed,
    }
    for name in {"cpus", "mem", "disk", *master.cluster.totals}:
        prefix = f"allocator/mesos/resources/{name}"
        figures[f"{prefix}/total"] = master.cluster.totals.get(name, 0) / MILLI
        figures[f"{prefix}/offered_or_allocated"] = allocated.get(name, 0) / MILLI
    for role, quota in master.quotas.items():
        for kind, amounts in (("guarantee", quota.guarantees), ("limit", quota.limits)):
            for name, milli in amounts.items():
                path = f"allocator/mesos/quota/roles/{role}/resources/{name}/{kind}"
                figures[path] = milli / MILLI
    return figures


def gauges(master: State) -> dict[str, float]:
    """What goes up and down, without the prefix ``master/``."""
    cluster = master.cluster
    agents_connected = sum(agent.is_connected for agent in cluster.agents.values())
    agents_active = sum(a.is_connected and not a.is_deactivated for a in cluster.agents.values())
    frameworks_connected = sum(1 for _ in cluster.connected_frameworks())
    frameworks_away = len(cluster.frameworks) - frameworks_connected
    return {
        "elected": 1,
        "uptime_secs": master.now - master.started_at,
        "outstanding_offers": len(cluster.offers),
        "slaves_connected": agents_connected,
        "slaves_active": agents_active,
        "slaves_disconnected": len(cluster.agents) - agents_connected,
        "slaves_inactive": len(cluster.agents) - agents_active,
        "slaves_unreachable": len(cluster.unreachable),
        "frameworks_connected": frameworks_connected,
        "frameworks_active": frameworks_connected,
        "frameworks_disconnected": frameworks_away,
        "frameworks_inactive": frameworks_away,
        **_tasks(master),
        **_resources(master),
    }


def _task_name(state: TaskState) -> str:
    return "tasks_" + state.value.removeprefix("TASK_").lower()


def _tasks(master: State) -> dict[str, float]:
    counts = dict.fromkeys(map(_task_name, _LIVE), 0.0)
    unreachable = _task_name(TaskState.UNREACHABLE)  # kept among those that are over
    for framework in master.cluster.frameworks.values():
        for task in framework.tasks.values():
            name = _task_name(task.state)
            if name in counts:
                counts[name] += 1
        counts[unreachable] += sum(t.state is TaskState.UNREACHABLE for t in framework.completed)
    return counts


def _resources(master: State) -> dict[str, float]:
    used: dict[str, int] = {}
    for agent in master.cluster.agents.values():
        _count(used, agent.usage.used)
    figures: dict[str, float] = {}
    for name in {"cpus", "gpus", "mem", "disk", *master.cluster.totals}:
        whole, part = master.cluster.totals.get(name, 0), used.get(name, 0)
        figures[f"{name}_total"] = whole / MILLI
        figures[f"{name}_used"] = part / MILLI
        figures[f"{name}_percent"] = part / whole if whole else 0.0
    for name in _REVOCABLE:  # agents announce no revocable resources
        figures |= dict.fromkeys((f"{name}_revocable_{of}" for of in _SHARES), 0.0)
    return figures


def _count(sums: dict[str, int], resources: Resources) -> None:
    for name, milli in resources.scalars().items():
        sums[name] = sums.get(name, 0) + milli
