"""Parts of the cluster, as queries pick them: /slaves, /frameworks, /tasks, /roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.master.core.records import LiveTask
from orchestrator.master.core.roles import RoleView
from orchestrator.master.core.roles import views as role_views
from orchestrator.master.core.state import State
from orchestrator.master.core.views.agents import agent, recovered
from orchestrator.master.core.views.frameworks import framework
from orchestrator.master.core.views.tasks import task
from orchestrator.mesos.older_api import Json
from orchestrator.mesos.resources import MILLI


def slaves(master: State, query: Mapping[str, str]) -> Json:
    """/slaves, of which ``slave_id`` picks one."""
    wanted = query.get("slave_id")
    found = (a for a in master.cluster.agents.values() if wanted in (None, a.id))
    return {"slaves": [agent(a) for a in found], "recovered_slaves": recovered(master)}


def frameworks(master: State, query: Mapping[str, str]) -> Json:
    """/frameworks, of which ``framework_id`` picks one."""
    wanted = query.get("framework_id")
    cluster = master.cluster
    return {
        "frameworks": [
            framework(master, f) for f in cluster.frameworks.values() if wanted in (None, f.id)
        ],
        "completed_frameworks": [
            framework(master, f) for f in cluster.completed.values() if wanted in (None, f.id)
        ],
        "unregistered_frameworks": [],
    }


def tasks(master: State, query: Mapping[str, str]) -> Json:
    """/tasks: ``limit`` (100), ``offset``, ``order`` (newest first: ``des``), and filters by id.

    Raises ValueError for numbers that are none. A negative limit means all.
    """
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    if offset < 0:
        raise ValueError("'offset' must not be negative")
    found = [t for t in _all_tasks(master, query.get("framework_id"))
             if query.get("task_id") in (None, t.task_id)]  # fmt: skip
    found.sort(key=_first_seen, reverse=query.get("order", "des") != "asc")
    page = found[offset:] if limit < 0 else found[offset : offset + limit]
    return {"tasks": [task(t) for t in page]}


def _all_tasks(master: State, framework_id: str | None) -> Iterator[LiveTask]:
    for known in (master.cluster.frameworks, master.cluster.completed):
        for one in known.values():
            if framework_id in (None, one.id):
                yield from one.tasks.values()
                yield from one.completed


def _first_seen(of: LiveTask) -> float:
    return of.statuses[0].timestamp or 0.0 if of.statuses else float("inf")


def roles(master: State) -> Json:
    """/roles: every role with its share, its quota, and why it is or is not offered anything."""
    return {"roles": [_role(view) for view in role_views(master)]}


def _role(of: RoleView) -> Json:
    return {
        "name": of.name,
        "weight": of.weight,
        "frameworks": of.frameworks,
        "resources": _scalars(of.allocated),
        "allocated": _scalars(of.allocated),
        "quota": {
            "role": of.name,
            "guarantee": _scalars(of.guarantees),
            "limit": _scalars(of.limits),
            "consumed": _scalars(of.consumed),
        },
        "share": of.share,
        "explanation": of.explanation,
    }


def _scalars(of: Mapping[str, int]) -> dict[str, float]:
    return {name: milli / MILLI for name, milli in sorted(of.items())}
