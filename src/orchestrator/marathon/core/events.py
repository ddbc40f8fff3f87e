"""What Marathon tells the world: the events of /v2/events, in the fields of Marathon's own.

Only event types that Marathon has, because clients refuse unknown ones. Source: Events.scala of
Marathon 1.11 and docs/docs/event-bus.md.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Part,
    always,
)
from orchestrator.marathon.core.deployment.plan import Step
from orchestrator.marathon.core.instance import Address


class Happening(Part, kw_only=True):
    """An event; ``timestamp`` is in Marathon's form."""

    event_type: str = always(default="")
    timestamp: str


class GroupName(Part):
    """A group by its name alone."""

    id: str = always(default="/")


class Plan(Part):
    """A deployment as events show it.

    Before Marathon 1.7 ``original`` and ``target`` were whole trees of groups. Clients of that time
    insist on the objects, so they are there; what is in them was too much for any stream.
    """

    id: str
    steps: list[Step]
    version: str
    original: GroupName = always(default=GroupName())
    target: GroupName = always(default=GroupName())


class ApiPosted(Happening, kw_only=True):
    """A client changed an app."""

    client_ip: str
    uri: str
    app_definition: App
    event_type: str = always(default="api_post_event")


class PodEvent(StrEnum):
    """What a client did with a pod."""

    CREATED = "pod_created_event"
    UPDATED = "pod_updated_event"
    DELETED = "pod_deleted_event"


class PodRequested(Happening, kw_only=True):
    """A client created, changed or deleted a pod; ``event_type`` is a PodEvent."""

    client_ip: str
    uri: str


class StatusUpdated(Happening, kw_only=True):
    """Mesos reported on a task."""

    slave_id: str
    task_id: str
    task_status: str
    message: str
    app_id: str
    host: str
    ip_addresses: list[Address]
    ports: list[int]
    version: str
    event_type: str = always(default="status_update_event")


class InstanceChanged(Happening, kw_only=True):
    """An instance's condition is another one now."""

    instance_id: str
    condition: str
    run_spec_id: str
    agent_id: str
    host: str
    run_spec_version: str
    event_type: str = always(default="instance_changed_event")


class InstanceHealthChanged(Happening, kw_only=True):
    """An instance became healthy or unhealthy."""

    instance_id: str
    run_spec_id: str
    run_spec_version: str
    healthy: bool
    event_type: str = always(default="instance_health_changed_event")


class UnknownInstanceTerminated(Happening, kw_only=True):
    """A task ended that Marathon had given up before."""

    instance_id: str
    run_spec_id: str
    condition: str
    event_type: str = always(default="unknown_instance_terminated_event")


class AppTerminated(Happening, kw_only=True):
    """The last instance of a deleted app ended."""

    app_id: str
    event_type: str = always(default="app_terminated_event")


class DeploymentProgress(Happening, kw_only=True):
    """A deployment began a step (deployment_info) or ended one (deployment_step_success)."""

    plan: Plan
    current_step: Step


class DeploymentSucceeded(Happening, kw_only=True):
    """A deployment reached what it wanted."""

    id: str
    plan: Plan
    event_type: str = always(default="deployment_success")


class DeploymentFailed(Happening, kw_only=True):
    """A deployment was cancelled, or replaced by another."""

    id: str
    plan: Plan
    reason: str
    event_type: str = always(default="deployment_failed")


class GroupChanged(Happening, kw_only=True):
    """A change of apps was accepted."""

    group_id: str
    version: str
    event_type: str = always(default="group_change_success")


class GroupChangeFailed(Happening, kw_only=True):
    """A change of apps was refused."""

    group_id: str
    version: str
    reason: str
    event_type: str = always(default="group_change_failed")


class SchedulerRegistered(Happening, kw_only=True):
    """Marathon became a framework of this master."""

    framework_id: str
    master: str
    event_type: str = always(default="scheduler_registered_event")


class SchedulerReregistered(Happening, kw_only=True):
    """Marathon is a framework of this master again."""

    master: str
    event_type: str = always(default="scheduler_reregistered_event")


class SchedulerDisconnected(Happening, kw_only=True):
    """The connection to the master is gone."""

    event_type: str = always(default="scheduler_disconnected_event")


class EventStreamAttached(Happening, kw_only=True):
    """A client began to listen."""

    remote_address: str
    event_type: str = always(default="event_stream_attached")


class EventStreamDetached(Happening, kw_only=True):
    """A client listens no more."""

    remote_address: str
    event_type: str = always(default="event_stream_detached")
