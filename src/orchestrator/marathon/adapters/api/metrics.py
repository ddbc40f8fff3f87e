"""/metrics as JSON, in the names and the form of Marathon 1.11.

Source: docs/docs/metrics.md and MetricsConversion.scala of Marathon 1.11. What the JVM tells of
itself, and what is not counted here, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.core.condition import Condition

_STAGED = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
_VERSION = "4.0.0"


def marathon_metrics(backend: Backend) -> dict[str, object]:
    """All figures, by kind."""
    return {
        "version": _VERSION,
        "gauges": {name: {"value": value} for name, value in _gauges(backend).items()},
        "counters": {name: {"count": count} for name, count in _counters(backend).items()},
        "histograms": {},
        "meters": {},
        "timers": {},
    }


def _gauges(backend: Backend) -> Mapping[str, float]:
    state = backend.state
    conditions = [instance.condition for instance in state.instances.values()]
    uptime_s = round(backend.clock.now() - backend.started_at, 3)
    return {
        "marathon.apps.active.gauge": len(state.apps),
        "marathon.deployments.active.gauge": len(state.deployments),
        "marathon.http.event-streams.active.gauge": len(backend.hub),
        "marathon.instances.running.gauge": conditions.count(Condition.RUNNING),
        "marathon.instances.staged.gauge": sum(c in _STAGED for c in conditions),
        "marathon.instances.waiting.gauge": sum(map(len, state.waiting.values())),
        "marathon.leadership.duration.gauge.seconds": uptime_s,
        "marathon.uptime.gauge.seconds": uptime_s,
    }


def _counters(backend: Backend) -> Mapping[str, int]:
    counts = backend.state.counts
    return {
        "marathon.mesos.calls.revive.counter": counts.revived,
        "marathon.mesos.calls.suppress.counter": counts.suppressed,
        "marathon.mesos.offers.declined.counter": counts.offers_declined,
        "marathon.mesos.offers.used.counter": counts.offers_used,
        "marathon.mesos.offer-operations.launch.counter": counts.launches,
        "marathon.tasks.launched.counter": counts.tasks_launched,
    }
