"""Results of checks that count, whoever made them: kept in the book, and told to listeners."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.health.book import agents_check
from orchestrator.marathon.core.health.happenings import HealthCheckFailed, HealthStatusChanged
from orchestrator.marathon.core.health.verdict import Failed, Health, Passed, Result
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.state import State
from orchestrator.mesos.types import TaskStatus

_RECONCILIATION = "REASON_RECONCILIATION"
_AGENTS_CAUSE = "the check that the agent makes failed"


def note(state: State, instance: Instance, app: App, index: int, result: Result) -> Health:
    """Keep the result of one check of an instance; return how the check stands now."""
    before = state.health.health(instance.id, index)
    after = before.after(result, state.now)
    state.health.note(instance.id, index, after)
    state.dirty.touch(app.id)
    if isinstance(result, Failed):
        state.publish(
            HealthCheckFailed(
                timestamp=state.timestamp,
                app_id=app.id,
                task_id=instance.id,
                health_check=app.health_checks[index],
            )
        )
    if after.is_alive is not before.is_alive:
        state.publish(
            HealthStatusChanged(
                timestamp=state.timestamp,
                app_id=app.id,
                instance_id=instance.id,
                version=instance.version,
                alive=after.is_alive,
            )
        )
    return after


def with_status(state: State, instance: Instance, status: TaskStatus) -> Instance:
    """The instance after the agent's word on its health, which may be one check of several."""
    app = state.app_of(instance)
    index = agents_check(app.health_checks) if app else None
    if app is None or index is None or status.healthy is None:
        return instance
    cause = status.message or _AGENTS_CAUSE
    known = state.health.health(instance.id, index)
    is_repeated = known.is_known and known.is_alive is status.healthy
    if not (is_repeated and status.reason == _RECONCILIATION):  # else it is no new result
        note(state, instance, app, index, Passed() if status.healthy else Failed(cause))
    healthy = state.health.overall(instance.id, app.health_checks)
    return instance if healthy is instance.healthy else replace(instance, healthy=healthy)
