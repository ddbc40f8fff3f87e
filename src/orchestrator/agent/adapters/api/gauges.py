"""The agent's numbers under Mesos' names (/metrics/snapshot) and Prometheus' (/metrics)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import Metric

from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.task import Condition, Goal
from orchestrator.mesos.resources import MILLI
from orchestrator.mesos.types import TaskState
from orchestrator.runtime.metrics import gauge, labelled_counter, labelled_gauge

_ENDS = {
    "tasks_error": TaskState.ERROR,
    "tasks_failed": TaskState.FAILED,
    "tasks_finished": TaskState.FINISHED,
    "tasks_gone": TaskState.GONE,
    "tasks_killed": TaskState.KILLED,
    "tasks_lost": TaskState.LOST,
}
_SCALARS = ("cpus", "disk", "gpus", "mem")


def snapshot(agent: Agent, uptime_s: float) -> dict[str, float]:
    """/metrics/snapshot: those of Mesos' slave/* metrics that mean something here."""
    book, tasks = agent.book, _live(agent)
    figures = {
        "registered": float(agent.registration.is_registered),
        "uptime_secs": uptime_s,
        "frameworks_active": float(len(book.frameworks)),
        "executors_registering": float(tasks["staging"] + tasks["starting"]),
        "executors_running": float(tasks["running"]),
        "executors_terminating": float(tasks["killing"]),
        "executors_terminated": float(sum(book.ends.values())),
        "container_launch_errors": float(book.launch_errors),
        "recovery_errors": 0.0,
    }
    figures |= {f"tasks_{name}": float(tasks[name]) for name in tasks}
    figures |= {name: float(book.ends[state]) for name, state in _ENDS.items()}
    for name in _SCALARS:
        figures |= _scalar(agent, name)
    return {f"slave/{name}": value for name, value in sorted(figures.items())}


def _live(agent: Agent) -> Counter[str]:
    counts = Counter({"staging": 0, "starting": 0, "running": 0, "killing": 0})
    for task in agent.book.tasks():
        if task.condition is Condition.STAGED:
            counts["starting"] += 1
        elif task.condition is Condition.RUNNING:
            counts["killing" if task.goal is Goal.STOP else "running"] += 1
    return counts


def _scalar(agent: Agent, name: str) -> dict[str, float]:
    total, used = agent.host.resources.milli(name), agent.book.used.milli(name)
    return {
        f"{name}_total": total / MILLI,
        f"{name}_used": used / MILLI,
        f"{name}_percent": used / total if total else 0.0,
        f"{name}_revocable_total": 0.0,
        f"{name}_revocable_used": 0.0,
        f"{name}_revocable_percent": 0.0,
    }


def metrics(agent: Agent) -> Iterable[Metric]:
    """/metrics."""
    book = agent.book
    registered = float(agent.registration.is_registered)
    yield gauge("agent_registered", "Whether the master knows the agent.", registered)
    yield labelled_gauge(
        "agent_tasks",
        "Tasks that have not ended, by state.",
        ("state",),
        [((state,), float(count)) for state, count in _live(agent).items()],
    )
    yield labelled_counter(
        "agent_tasks_ended",
        "Tasks that ended since the agent started, by state.",
        ("state",),
        [((state.value,), float(count)) for state, count in book.ends.items()],
    )
    for title, bag in (("total", agent.host.resources), ("used", book.used)):
        yield labelled_gauge(
            f"agent_resources_{title}",
            f"Scalar resources, {title}.",
            ("resource",),
            [((name,), milli / MILLI) for name, milli in bag.scalars().items()],
        )
    waiting = float(sum(len(task.updates) for task in book.tasks()))
    yield gauge("agent_updates_unacknowledged", "Status updates not acknowledged.", waiting)
