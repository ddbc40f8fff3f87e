"""The results of all health checks, by instance. They are not saved: a new process checks anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.marathon.core.apps.app_parts import HealthCheck, HealthProtocol
from orchestrator.marathon.core.health.verdict import Health

OWN = (HealthProtocol.HTTP, HealthProtocol.HTTPS, HealthProtocol.TCP)
"""The checks that Marathon makes; all others are the agents'."""
_NOTHING = Health()


def own_checks(checks: Sequence[HealthCheck]) -> list[int]:
    """The places, in the app's list, of the checks that Marathon makes."""
    return [index for index, check in enumerate(checks) if check.protocol in OWN]


def agents_check(checks: Sequence[HealthCheck]) -> int | None:
    """The place of the check that the agent makes; there is at most one."""
    return next((index for index, check in enumerate(checks) if check.protocol not in OWN), None)


class HealthBook:
    """What is known of each check of each instance, by the check's place in the app's list."""

    def __init__(self) -> None:
        self._pages: dict[str, dict[int, Health]] = {}
        self._excused: dict[str, dict[int, str]] = {}

    def of(self, instance_id: str) -> Mapping[int, Health]:
        """Every check that has a result."""
        return self._pages.get(instance_id, {})

    def health(self, instance_id: str, index: int) -> Health:
        """One check."""
        return self.of(instance_id).get(index, _NOTHING)

    def note(self, instance_id: str, index: int, health: Health) -> None:
        """Keep how a check stands."""
        self._pages.setdefault(instance_id, {})[index] = health
        self._excused.get(instance_id, {}).pop(index, None)

    def excuse(self, instance_id: str, index: int, cause: str) -> None:
        """Keep why a check failed in its grace period; it does not count, but people may ask."""
        self._excused.setdefault(instance_id, {})[index] = cause

    def excused(self, instance_id: str, index: int) -> str | None:
        """Why a check failed last, if only in its grace period."""
        return self._excused.get(instance_id, {}).get(index)

    def forget(self, instance_id: str) -> None:
        """The task has ended."""
        self._pages.pop(instance_id, None)
        self._excused.pop(instance_id, None)

    def overall(self, instance_id: str, checks: Sequence[HealthCheck]) -> bool | None:
        """All checks together: None while one of them has no result yet."""
        page = self.of(instance_id)
        if len(page) < len(checks):
            return None
        return all(health.is_alive for health in page.values())
