"""Tells listeners which health checks there are.

A version's checks are added with the version, and removed when neither the app nor an instance of
it is of that version any more. Source: MarathonHealthCheckManager.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.health.happenings import HealthCheckAdded, HealthCheckRemoved
from orchestrator.marathon.core.state import State


class Announcer:
    """Knows which checks have been told of: by app, those of each version of its configuration."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, dict[str, App]] = {}

    def follow(self, app_ids: Iterable[str]) -> None:
        """After every event: tell what has changed about these apps."""
        for app_id in app_ids:
            app = self._state.apps.get(app_id)
            if app_id in self._known or (app is not None and app.health_checks):
                self._look_at(app_id, app)

    def _look_at(self, app_id: str, app: App | None) -> None:
        known = self._known.setdefault(app_id, {})
        if app is not None and app.health_checks and app.config_version not in known:
            self._add(app)
            known[app.config_version] = app
        current = app.config_version if app else None
        in_use = self._in_use(app_id) if known.keys() - {current} else set()
        for version in known.keys() - in_use - {current}:
            self._remove(known.pop(version))
        if not known:
            del self._known[app_id]

    def _in_use(self, app_id: str) -> set[str]:
        return {c.like.config_version for c in self._state.roster_of(app_id).cohorts}

    def _add(self, app: App) -> None:
        for check in app.health_checks:
            self._state.publish(
                HealthCheckAdded(
                    timestamp=self._state.timestamp,
                    app_id=app.id,
                    version=app.version,
                    health_check=check,
                )
            )

    def _remove(self, app: App) -> None:
        for _ in app.health_checks:
            self._state.publish(HealthCheckRemoved(timestamp=self._state.timestamp, app_id=app.id))
