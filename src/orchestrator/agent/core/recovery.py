"""Compares what the agent remembers with what a containerizer has.

Done whenever a containerizer is (re)connected: after a restart of the agent, and after one of the
containerizer. Nothing is started twice, because whoever starts containers remembers each from
before it starts, and tells of it until told to forget.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.messages import Ended, Observed, Started
from orchestrator.agent.core.task import Condition, Container, Containerizer, Exit, Goal, Task
from orchestrator.mesos.types import Message


class Relaunch(Message):
    """Its launch never reached the containerizer: order it again."""

    container: Container


class Stop(Message):
    """It runs though it should not: order its kill (again)."""

    container_id: str


class Release(Message):
    """It ended long ago, or nobody here knows it: the containerizer may forget it."""

    container_id: str


Step = Started | Ended | Relaunch | Stop | Release


def plan(known: Iterable[Task | Executor], observed: Observed) -> list[Step]:
    """The steps that bring the agent's tasks and executors in line with what runs."""
    mine = [one for one in known if one.containerizer is observed.containerizer]
    by_id = {one.id: one for one in mine}
    seen = {fact.container_id: fact for fact in observed.containers}
    steps: list[Step] = []
    for one in mine:
        if not one.has_ended:
            steps += _steps_for(one, seen.get(one.id))
    for container_id, fact in seen.items():
        owner = by_id.get(container_id)
        if owner is None or owner.has_ended:
            is_over = isinstance(fact, Ended)
            steps.append((Release if is_over else Stop)(container_id=container_id))
    return steps


def _steps_for(one: Task | Executor, fact: Started | Ended | None) -> list[Step]:
    match fact:
        case Ended():
            return [fact]
        case Started():
            stop = [Stop(container_id=one.id)] if one.goal is Goal.STOP else []
            return [fact, *stop]
        case None if one.condition is Condition.RUNNING:
            return [Ended(container_id=one.id, exit=Exit(problem=_unheard_of(one)))]
        case None if one.goal is Goal.STOP:
            return [Ended(container_id=one.id, exit=Exit(started=False))]
        case None:
            return [Relaunch(container=one.container)]


def _unheard_of(one: Task | Executor) -> str:
    if one.containerizer is Containerizer.DOCKER:
        return "its container was removed from the Docker Engine"
    return "the supervisor knows nothing of it"
