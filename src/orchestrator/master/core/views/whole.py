"""/state and /state-summary: the whole cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.master.core.records import Agent, Framework, LiveTask
from orchestrator.master.core.state import State
from orchestrator.master.core.views.agents import agent, recovered
from orchestrator.master.core.views.frameworks import framework, framework_head
from orchestrator.mesos.older_api import MESOS_VERSION, Json
from orchestrator.mesos.types import TaskState


def state(master: State) -> Json:
    """/state."""
    cluster = master.cluster
    active = sum(a.is_connected and not a.is_deactivated for a in cluster.agents.values())
    return {
        **summary_head(master),
        "version": MESOS_VERSION,
        "id": master.info.id,
        "pid": master.info.pid,
        "capabilities": [capability.type for capability in master.info.capabilities],
        "start_time": master.started_at,
        "elected_time": master.started_at,
        "activated_slaves": active,
        "deactivated_slaves": len(cluster.agents) - active,
        "unreachable_slaves": len(cluster.unreachable),
        "leader": master.info.pid,
        "leader_info": {
            "id": master.info.id,
            "pid": master.info.pid,
            "hostname": master.info.hostname,
            "port": master.info.port,
        },
        "flags": flags(master),
        "slaves": [agent(a) for a in cluster.agents.values()],
        "recovered_slaves": recovered(master),
        "frameworks": [framework(master, f) for f in cluster.frameworks.values()],
        "completed_frameworks": [framework(master, f) for f in cluster.completed.values()],
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    }


def flags(master: State) -> dict[str, str]:
    """Every setting as text."""
    config = master.config
    return {name: str(getattr(config, name)) for name in config.__struct_fields__}


def summary_head(master: State) -> Json:
    """What /state and /state-summary both start with."""
    head: Json = {"hostname": master.info.hostname}
    if master.config.cluster:
        head["cluster"] = master.config.cluster
    return head


def summary(master: State) -> Json:
    """/state-summary: agents and frameworks with counts of tasks instead of tasks."""
    cluster = master.cluster
    return {
        **summary_head(master),
        "slaves": [
            agent(a) | dict(_counts(a.tasks.values())) | {"framework_ids": _framework_ids(a)}
            for a in cluster.agents.values()
        ],
        "frameworks": [
            framework_head(f) | dict(_counts(f.tasks.values())) | {"slave_ids": _agent_ids(f)}
            for f in cluster.frameworks.values()
        ],
    }


def _framework_ids(of: Agent) -> list[str]:
    return sorted({task.framework_id for task in of.tasks.values()})


def _agent_ids(of: Framework) -> list[str]:
    return sorted({task.agent_id for task in of.tasks.values()})


def _counts(of: Iterable[LiveTask]) -> Iterator[tuple[str, int]]:
    counts = dict.fromkeys(TaskState, 0)
    for one in of:
        counts[one.state] += 1
    return ((name.value, count) for name, count in counts.items())
