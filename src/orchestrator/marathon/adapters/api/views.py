"""The core's objects as Marathon shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import msgspec

from orchestrator.marathon.adapters.api.task_stats import TaskStats, task_stats
from orchestrator.marathon.adapters.api.written import Written
from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Part,
    always,
)
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.deployment.plan import ActionKind, Deployment, Step
from orchestrator.marathon.core.health import verdict
from orchestrator.marathon.core.health.readiness_book import ReadinessResult
from orchestrator.marathon.core.instance import Address, Instance
from orchestrator.marathon.core.placement.reservation import LocalVolume
from orchestrator.marathon.core.state import State
from orchestrator.marathon.core.stored import TaskFailure

_STAGED = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)


class Health(Part):
    """The result of a health check."""

    alive: bool
    instance_id: str
    consecutive_failures: int = always(default=0)
    first_success: str | None = None
    last_success: str | None = None
    last_failure: str | None = None
    last_failure_cause: str | None = None


class Task(Part):
    """A task."""

    app_id: str
    id: str
    host: str
    slave_id: str
    state: str
    role: str
    ports: list[int]
    service_ports: list[int]
    ip_addresses: list[Address]
    health_check_results: list[Health]
    local_volumes: list[LocalVolume] = always(default=[])
    staged_at: str | None = None
    started_at: str | None = None
    version: str | None = None
    region: str | None = None
    zone: str | None = None


class Named(Part):
    """An object by its id."""

    id: str


class Extras(Part):
    """What an app's JSON can carry besides its definition."""

    tasks_staged: int | None = None
    tasks_running: int | None = None
    tasks_healthy: int | None = None
    tasks_unhealthy: int | None = None
    deployments: list[Named] | None = None
    tasks: list[Task] | None = None
    last_task_failure: TaskFailure | None = None
    readiness_check_results: list[ReadinessResult] | None = None
    task_stats: TaskStats | None = None


class CurrentAction(Part):
    """What a deployment is doing with an app or a pod."""

    action: ActionKind
    app: str | None = None
    pod: str | None = None
    readiness_check_results: list[ReadinessResult] = always(default=[])


class RunningDeployment(Part):
    """A deployment; ``waiting_for`` is ours, and shown only to those who ask for it."""

    id: str
    version: str
    affected_apps: list[str]
    steps: list[Step]
    current_actions: list[CurrentAction]
    current_step: int
    total_steps: int
    affected_pods: list[str] = always(default=[])
    waiting_for: list[str] | None = None


class AppJson:
    """Apps as JSON. A definition is written once for each of its versions, not for each request."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._definitions: dict[str, tuple[App, bytes]] = {}
        self._written = Written(state)

    def app(self, app: App, embeds: Collection[str], now: float = 0.0) -> bytes:
        """An app with what is embedded; ``now`` is for taskStats, which no two moments share."""
        is_current = self._state.apps.get(app.id) is app
        if not is_current or "taskStats" in embeds:
            return self._write(app, embeds, now)
        return self._written.get(app.id, frozenset(embeds), lambda: self._write(app, embeds, now))

    def created(self, app: App, deployment_id: str) -> bytes:
        """An app just created: nothing runs, and its deployment is named even if it is over."""
        extras = msgspec.structs.replace(
            _counted(()), deployments=[Named(id=deployment_id)], tasks=[]
        )
        return self._definition(app)[:-1] + b"," + msgspec.json.encode(extras)[1:]

    def apps(self, apps: Sequence[App], embeds: Collection[str], now: float = 0.0) -> bytes:
        """A JSON array of apps."""
        return b"[" + b",".join([self.app(app, embeds, now) for app in apps]) + b"]"

    def _write(self, app: App, embeds: Collection[str], now: float) -> bytes:
        extras = msgspec.json.encode(self._extras(app, embeds, now))
        definition = self._definition(app)
        return definition if extras == b"{}" else definition[:-1] + b"," + extras[1:]

    def _definition(self, app: App) -> bytes:
        known = self._definitions.get(app.id)
        if known is not None and known[0] is app:
            return known[1]
        if len(self._definitions) > 2 * len(self._state.apps) + 100:
            self._definitions.clear()
        written = msgspec.json.encode(app)
        self._definitions[app.id] = (app, written)
        return written

    def _extras(self, app: App, embeds: Collection[str], now: float) -> Extras:
        instances = self._state.instances_of(app.id)
        extras = _counted(instances) if "counts" in embeds else Extras()
        changes: dict[str, object] = {}
        if "deployments" in embeds:
            changes["deployments"] = _deployments_of(self._state, app.id)
        if "tasks" in embeds:
            changes["tasks"] = [
                task(i, app, healths=self._state.health.of(i.id)) for i in instances if is_shown(i)
            ]
        if "lastTaskFailure" in embeds:
            changes["last_task_failure"] = self._state.failures.get(app.id)
        if "readiness" in embeds:
            changes["readiness_check_results"] = self._state.readiness.of(instances)
        if "taskStats" in embeds:
            changes["task_stats"] = task_stats(app, instances, now)
        return msgspec.structs.replace(extras, **changes) if changes else extras


def _counted(instances: Sequence[Instance]) -> Extras:
    return Extras(
        tasks_staged=sum(i.condition in _STAGED for i in instances),
        tasks_running=sum(i.condition is Condition.RUNNING for i in instances),
        tasks_healthy=sum(i.healthy is True for i in instances),
        tasks_unhealthy=sum(i.healthy is False for i in instances),
    )


def _deployments_of(state: State, app_id: str) -> list[Named]:
    course = state.courses.get(app_id)  # of the one deployment that an app can have
    return [Named(id=course.deployment.id)] if course else []


class TaskJson:
    """Tasks as JSON, those of an app together."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._written = Written(state)

    def of_apps(
        self, app_ids: Iterable[str], wanted: frozenset[Condition], with_service_ports: bool
    ) -> bytes:
        """A JSON array of the tasks of some apps, all or those in a wanted condition."""
        form = (wanted, with_service_ports)
        parts = [
            self._written.get(app_id, form, partial(self._write, app_id, *form))
            for app_id in app_ids
        ]
        return b"[" + b",".join(filter(None, parts)) + b"]"

    def _write(self, app_id: str, wanted: frozenset[Condition], with_service_ports: bool) -> bytes:
        tasks = [
            task(
                instance,
                self._state.app_of(instance),
                with_service_ports,
                self._state.health.of(instance.id),
            )
            for instance in self._state.instances_of(app_id)
            if is_shown(instance) and (not wanted or instance.condition in wanted)
        ]
        return msgspec.json.encode(tasks)[1:-1]


def is_shown(instance: Instance) -> bool:
    """Whether there is a task to show: one that Mesos has, or the last one of kept volumes.

    Pods are shown elsewhere.
    """
    is_known = instance.condition.is_launched or instance.is_suspended
    return instance.place is not None and is_known and not instance.tasks


def task(
    instance: Instance,
    app: App | None,
    with_service_ports: bool = False,
    healths: Mapping[int, verdict.Health] = MappingProxyType({}),
) -> Task:
    """An instance as the task that it is to Marathon's clients; ``healths`` are its checks'."""
    place, reserved = instance.place, instance.reservation
    is_active = instance.condition.is_launched
    return Task(
        app_id=instance.app_id,
        id=instance.task_id,
        host=place.host if place else "",
        slave_id=place.agent_id if place else "",
        state=instance.condition.task_state,
        role=reserved.role if reserved else app.role if app else "*",
        ports=instance.host_ports if is_active else [],
        service_ports=app.service_ports if app and with_service_ports else [],
        ip_addresses=instance.addresses,
        health_check_results=_health_results(instance, healths),
        staged_at=_moment(instance.staged_at) if is_active else None,
        started_at=_moment(instance.started_at) if is_active else None,
        version=instance.version if is_active else None,
        local_volumes=reserved.volumes if reserved else [],
        region=place.region if place else None,
        zone=place.zone if place else None,
    )


def _health_results(instance: Instance, healths: Mapping[int, verdict.Health]) -> list[Health]:
    """One result a check; after a restart only the agent's last word may be known."""
    if not healths and instance.healthy is not None:
        return [Health(alive=instance.healthy, instance_id=instance.id)]
    return [
        Health(
            alive=health.is_alive,
            instance_id=instance.id,
            consecutive_failures=health.consecutive_failures,
            first_success=_moment(health.first_success),
            last_success=_moment(health.last_success),
            last_failure=_moment(health.last_failure),
            last_failure_cause=health.last_failure_cause,
        )
        for _, health in sorted(healths.items())
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else timestamps.render(seconds)


def deployment(
    running: Deployment, waiting_for: list[str] | None, state: State
) -> RunningDeployment:
    """A deployment in progress."""
    return RunningDeployment(
        id=running.id,
        version=running.version,
        affected_apps=[spec for spec in running.affected if spec not in running.pods],
        affected_pods=running.pods,
        steps=running.steps,
        current_actions=[
            CurrentAction(
                action=action.action,
                app=action.app,
                pod=action.pod,
                readiness_check_results=state.readiness.of(state.instances_of(action.spec_id)),
            )
            for action in running.actions
        ],
        current_step=running.current_step,
        total_steps=len(running.steps),
        waiting_for=waiting_for,
    )
