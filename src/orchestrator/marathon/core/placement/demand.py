"""When Marathon wants offers, role by role.

A role in which something begins to wait is revived, not more often than the master should be asked;
one in which nothing can be placed is suppressed. The framework has all roles that its apps have,
and says so anew when that changes.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from orchestrator.marathon.core.state import State
from orchestrator.marathon.core.subscription import framework_info
from orchestrator.mesos.scheduler import Call, CallType, Roles, UpdateFramework
from orchestrator.mesos.types import FrameworkID, FrameworkInfo

REVIVE = "revive"


class Demand:
    """What has been asked of the master, and what is to be asked next."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._announced: list[str] = []
        self._due: set[str] = set()
        self._suppressed: set[str] = set()
        self._revived_at = float("-inf")

    @property
    def roles(self) -> list[str]:
        """All roles in use."""
        used = {role for role, count in self._state.roles.items() if count > 0}
        return sorted(used | {self._state.settings.role})

    def introduction(self) -> FrameworkInfo:
        """The framework, to subscribe as."""
        self._announced = self.roles
        return self._framework()

    def subscribed(self) -> None:
        """A new stream begins with offers for everybody."""
        self._suppressed.clear()
        self._due.clear()

    def want(self, role: str) -> None:
        """Something of the role waits that did not before."""
        self._due.add(role)

    def settle(self, ready: AbstractSet[str]) -> None:
        """Tell the master; in the ``ready`` roles there is something that can be placed."""
        roles = sorted({*self.roles, *ready})  # an app may wait in the role it had before
        if roles != self._announced:
            self._update_framework(roles)
        unwanted = [role for role in roles if role not in ready]
        self._due.difference_update(unwanted)
        quiet = [role for role in unwanted if role not in self._suppressed]
        if quiet:
            self._suppressed.update(quiet)
            self._call(Call(type=CallType.SUPPRESS, suppress=Roles(roles=quiet)))
        if self._due:
            self._revive()

    def _revive(self) -> None:
        due = self._revived_at + self._state.settings.min_revive_interval_s
        if self._state.now < due:
            self._state.timers.set(REVIVE, "", due)
            return
        self._revived_at = self._state.now
        roles = sorted(self._due)
        self._suppressed.difference_update(roles)
        self._due.clear()
        self._call(Call(type=CallType.REVIVE, revive=Roles(roles=roles)))

    def _update_framework(self, roles: list[str]) -> None:
        self._announced = roles
        self._suppressed.intersection_update(roles)
        self._due.intersection_update(roles)
        update = UpdateFramework(
            framework_info=self._framework(), suppressed_roles=sorted(self._suppressed)
        )
        self._call(Call(type=CallType.UPDATE_FRAMEWORK, update_framework=update))

    def _framework(self) -> FrameworkInfo:
        return framework_info(self._state.settings, self._state.framework_id, self._announced)

    def _call(self, call: Call) -> None:
        identity = FrameworkID(value=self._state.framework_id or "")
        self._state.send(replace(call, framework_id=identity))
