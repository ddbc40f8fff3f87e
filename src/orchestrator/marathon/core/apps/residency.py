"""Apps with persistent volumes: what they are when little is said, and what cannot change.

Their instances stay with their volumes, so there can be no extra one while the app is updated, and
none is replaced because its agent is unreachable. Source: AppNormalization.scala,
AppDefinition.scala and SchedulingValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import UpgradeStrategy
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.apps.app_volumes import AppVolume, Residency
from orchestrator.marathon.core.refusals import Violation
from orchestrator.marathon.core.run_spec import RunSpec

UPGRADE = UpgradeStrategy(minimum_health_capacity=0.5, maximum_over_capacity=0.0)
"""How what has volumes is updated when nothing is said."""

_RESOURCES_CHANGED = (
    "Services with persistent volumes configured may not change resource requirements. "
    "If you need to make this change, please create a new service."
)
_PORTS_CHANGED = (
    "Services with persistent volumes configured may not change host ports. "
    "If you need to make this change, please create a new service."
)


def settled(app: App, update: AppUpdate, existing: App | None) -> App:
    """The app with what follows from its volumes, where neither the update nor the app says."""
    if not app.is_resident or app.container is None:
        return replace(app, residency=None) if app.residency else app
    container = replace(app.container, volumes=list(map(_with_type, app.container.volumes)))
    app = replace(app, container=container, residency=app.residency or Residency())
    if existing is not None and existing.is_resident:
        return app
    if update.upgrade_strategy is None:
        app = replace(app, upgrade_strategy=UPGRADE)
    if update.unreachable_strategy is None:
        app = replace(app, unreachable_strategy="disabled")
    return app


def _with_type(volume: AppVolume) -> AppVolume:
    if volume.persistent is None:
        return volume
    return replace(volume, persistent=replace(volume.persistent, type=volume.persistent.disk_type))


def problems(app: App) -> Iterator[Violation]:
    """What a resident app cannot be."""
    if not app.is_resident:
        return
    if app.unreachable_strategy != "disabled":
        yield Violation("/", "unreachableStrategy must be disabled for resident tasks")
    over = app.upgrade_strategy.maximum_over_capacity
    if over:
        yield Violation("/upgradeStrategy/maximumOverCapacity", f"got {over}, expected 0.0")


def changes(old: App, new: App) -> Iterator[Violation]:
    """What a change of an app with reservations cannot do."""
    if not (old.is_resident or new.is_resident):
        return
    if not _same_volumes(old, new):
        yield Violation("/", "Persistent volumes can not be changed!")
    for name in ("cpus", "mem", "disk", "gpus"):
        if getattr(old, name) != getattr(new, name):
            yield Violation(f"/{name}", _RESOURCES_CHANGED)
    if old.require_ports != new.require_ports:
        yield Violation("/requirePorts", _RESOURCES_CHANGED)
    if _fixed(old) != _fixed(new):
        yield Violation("/", _PORTS_CHANGED)


def role_change(old: RunSpec, new: RunSpec, *, force: bool) -> Iterator[Violation]:
    """Reservations keep their role, so that a change of it has to be meant."""
    if new.is_resident and old.role != new.role and not force:
        yield Violation(
            "/role",
            "It is not possible to change the role for existing reservations. If you proceed with "
            "this change, all existing instances will continue to run under the previous role, "
            f"{old.role}. Only new instances will be allocated with the new role, {new.role}. In "
            "order to continue, retry your request with ?force=true",
        )


def _same_volumes(old: App, new: App) -> bool:
    before = {volume.container_path: volume for volume in old.persistent_volumes}
    return before == {volume.container_path: volume for volume in new.persistent_volumes}


def _fixed(app: App) -> set[int]:
    return {port for port in app.host_ports if port is not None}
