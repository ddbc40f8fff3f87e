"""The events about one instance, made of what is known of it."""

from __future__ import annotations

from orchestrator.marathon.core.events import (
    InstanceChanged,
    InstanceHealthChanged,
    StatusUpdated,
    UnknownInstanceTerminated,
)
from orchestrator.marathon.core.instance import Instance
from orchestrator.mesos.types import TaskStatus


def changed(instance: Instance, timestamp: str) -> InstanceChanged:
    """Its condition is another one now."""
    return InstanceChanged(
        timestamp=timestamp,
        instance_id=instance.id,
        condition=instance.condition.value,
        run_spec_id=instance.app_id,
        agent_id=instance.place.agent_id if instance.place else "",
        host=instance.place.host if instance.place else "",
        run_spec_version=instance.version,
    )


def health_changed(instance: Instance, healthy: bool, timestamp: str) -> InstanceHealthChanged:
    """It became healthy or unhealthy."""
    return InstanceHealthChanged(
        timestamp=timestamp,
        instance_id=instance.id,
        run_spec_id=instance.app_id,
        run_spec_version=instance.version,
        healthy=healthy,
    )


def status_updated(instance: Instance, status: TaskStatus, timestamp: str) -> StatusUpdated:
    """Mesos reported on one of its tasks."""
    return StatusUpdated(
        timestamp=timestamp,
        slave_id=instance.place.agent_id if instance.place else "",
        task_id=status.task_id.value,
        task_status=status.state.value,
        message=status.message or "",
        app_id=instance.app_id,
        host=instance.place.host if instance.place else "",
        ip_addresses=instance.addresses,
        ports=instance.host_ports,
        version=instance.version,
    )


def unknown_terminated(
    instance_id: str, status: TaskStatus, timestamp: str
) -> UnknownInstanceTerminated:
    """A task ended whose instance had been given up."""
    return UnknownInstanceTerminated(
        timestamp=timestamp,
        instance_id=instance_id,
        run_spec_id="/" + instance_id.partition(".")[0].replace("_", "/"),
        condition=status.state.removeprefix("TASK_").capitalize(),
    )
