"""What listeners are told of health checks. Source: Events.scala and Formats.scala of 1.11."""

from __future__ import annotations

from orchestrator.marathon.core.apps.app_parts import HealthCheck, always
from orchestrator.marathon.core.events import Happening


class HealthCheckAdded(Happening, kw_only=True):
    """Instances of this version of an app are checked from now on."""

    app_id: str
    version: str
    health_check: HealthCheck
    event_type: str = always(default="add_health_check_event")


class HealthCheckRemoved(Happening, kw_only=True):
    """A check is made no more."""

    app_id: str
    event_type: str = always(default="remove_health_check_event")


class HealthCheckFailed(Happening, kw_only=True):
    """A check failed, outside the grace period; ``task_id`` is the instance's, as in Marathon."""

    app_id: str
    task_id: str
    health_check: HealthCheck
    event_type: str = always(default="failed_health_check_event")


class HealthStatusChanged(Happening, kw_only=True):
    """One check of an instance began to pass or to fail."""

    app_id: str
    instance_id: str
    version: str
    alive: bool
    event_type: str = always(default="health_status_changed_event")


class UnhealthyInstanceKilled(Happening, kw_only=True):
    """An instance failed a check too often and is being replaced."""

    app_id: str
    task_id: str
    instance_id: str
    version: str
    reason: str
    host: str
    slave_id: str | None = None
    event_type: str = always(default="unhealthy_instance_kill_event")
