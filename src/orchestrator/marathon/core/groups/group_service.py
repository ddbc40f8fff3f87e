"""Carries out what clients ask of groups: each is one change of the tree, all or nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Protocol, assert_never

from msgspec.structs import replace

from orchestrator.marathon.core import ids, run_spec, timestamps
from orchestrator.marathon.core.apps import validation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.effects import Deployed, Done, Outcome, Planned
from orchestrator.marathon.core.groups import group_changes
from orchestrator.marathon.core.groups.group_changes import Wanted
from orchestrator.marathon.core.groups.group_update import (
    ChangeGroup,
    CreateGroup,
    DeleteGroup,
    GroupCommand,
    GroupUpdate,
    SetGroup,
)
from orchestrator.marathon.core.groups.tree import Change, Group, below, is_top_level, within
from orchestrator.marathon.core.refusals import (
    Conflict,
    InvalidObject,
    Unavailable,
    Unknown,
    Violation,
)
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State


class Complete(Protocol):
    """Makes a whole app of what a client says about it."""

    def __call__(
        self,
        app_id: str,
        update: AppUpdate,
        version: str,
        is_partial: bool,
        ports: Counter[int],
        groups: Mapping[str, Group],
    ) -> App:
        """The app in a tree with these groups; ``ports`` are in use. Raises InvalidObject."""


class Deploy(Protocol):
    """Begins a change, and tells everybody."""

    def __call__(
        self, change: Change, version: str, force: bool, *, group_id: str = ids.ROOT
    ) -> Deployed:
        """Raises Refusal."""


class GroupService:
    """The commands of /v2/groups."""

    def __init__(
        self, state: State, deployer: Deployer, complete: Complete, deploy: Deploy
    ) -> None:
        self._state = state
        self._deployer = deployer
        self._complete = complete
        self._deploy = deploy

    def carry_out(self, command: GroupCommand) -> Outcome:
        """Do what is asked. Raises Refusal."""
        match command:
            case CreateGroup():
                return self._create(command)
            case ChangeGroup():
                return self._change(command)
            case SetGroup():
                return self._set(command)
            case DeleteGroup():
                return self._delete(command)
            case _:
                assert_never(command)

    def _create(self, command: CreateGroup) -> Outcome:
        group_id = group_changes.target(command.base, command.update)
        version = self._state.next_version()
        change = self._changed(group_id, command.update, version, command.force)
        if group_id in self._state.groups.by_id:
            raise Conflict(f"Group {group_id} is already created. Use PUT to change this group.")
        if self._state.spec(group_id) is not None:
            raise Conflict(f"An app with the path {group_id} already exists.")
        return self._deploy(change, version, command.force, group_id=ids.parent(command.base))

    def _change(self, command: ChangeGroup) -> Outcome:
        group_id = group_changes.target(command.base, command.update)
        version = self._state.next_version()
        change = self._changed(group_id, command.update, version, command.force)
        if command.is_dry_run:
            return Planned(self._deployer.steps(change))
        return self._deploy(change, version, command.force, group_id=ids.parent(command.base))

    def _set(self, command: SetGroup) -> Outcome:
        group_id, settings = command.group_id, self._state.settings
        if not is_top_level(group_id):
            raise InvalidObject([Violation("/", "Path needs to be top-level")])
        enforces = command.settings.enforce_role
        if enforces is None:
            enforces = settings.enforces_new_group_roles
        group = self._group(group_id)
        if group.enforce_role is not enforces:
            change = Change(groups={group_id: replace(group, enforce_role=enforces)})
            self._state.change_tree(change, self._state.next_version())
        return Done()

    def _delete(self, command: DeleteGroup) -> Outcome:
        group_id = command.group_id
        self._group(group_id)
        specs = dict.fromkeys(below(self._state.tree.specs, group_id))
        groups = dict.fromkeys(within(self._state.groups.by_id, group_id))
        version = self._state.next_version()
        change = Change(specs, groups)
        return self._deploy(change, version, command.force, group_id=ids.parent(group_id))

    def _changed(self, group_id: str, update: GroupUpdate, version: str, force: bool) -> Change:
        group_changes.check_alone(update)
        if update.version is not None:
            return self._restored(group_id, update.version, version)
        if update.scale_by is not None:
            return self._scaled(group_id, update.scale_by, version)
        return self._described(group_id, update, version, force)

    def _restored(self, group_id: str, wanted: str, version: str) -> Change:
        """All that is in the group as it was."""
        state = self._state
        try:
            wanted = timestamps.tidy(wanted)
        except ValueError:
            raise InvalidObject([Violation("/version", "error.expected.date.isoformat")]) from None
        then = state.groups.tree(state.tree, state.tree_version, wanted)
        if then is None or group_id not in then.groups:
            raise Unavailable.group(group_id, wanted)
        specs: dict[str, RunSpec | None] = dict.fromkeys(below(state.tree.specs, group_id))
        for path in below(then.specs, group_id):
            specs[path] = run_spec.stamped(then.specs[path], version, state.spec(path))
        groups: dict[str, Group | None] = dict.fromkeys(within(state.groups.by_id, group_id))
        groups |= {path: then.groups[path] for path in within(then.groups, group_id)}
        return Change(specs, groups)

    def _scaled(self, group_id: str, factor: float, version: str) -> Change:
        self._group(group_id)
        apps: dict[str, App] = {}
        found: list[Violation] = []
        for app_id in below(self._state.apps, group_id):
            app = self._state.apps[app_id]
            scaled = replace(app, instances=math.ceil(app.instances * factor))
            try:
                validation.check_scaling(scaled)
            except InvalidObject as refusal:
                found += [
                    Violation("/scaleBy", f"{app_id}: {violation.error}")
                    for violation in refusal.violations
                ]
            apps[app_id] = scaled.stamped(version, app)
        if found:
            raise InvalidObject(found)
        return Change(apps)

    def _described(self, group_id: str, update: GroupUpdate, version: str, force: bool) -> Change:
        state = self._state
        enforces = state.settings.enforces_new_group_roles
        wanted = group_changes.wanted(state.tree, group_id, update, enforces=enforces)
        groups: dict[str, Group | None] = dict.fromkeys(wanted.gone_groups)
        groups |= wanted.groups
        after = state.tree.changed(Change(groups=groups)).groups
        apps: dict[str, App | None] = dict.fromkeys(wanted.gone_apps)
        apps |= self._completed(wanted, version, after, force)
        return Change(apps, groups)

    def _completed(
        self, wanted: Wanted, version: str, groups: Mapping[str, Group], force: bool
    ) -> dict[str, App]:
        """All apps, or all that is wrong with them and where. Raises InvalidObject."""
        ports = self._state.service_ports.copy()
        for app_id in wanted.gone_apps:
            ports.subtract(self._state.apps[app_id].service_ports)
        apps: dict[str, App] = {}
        found: list[Violation] = []
        for app_id, (where, update) in wanted.apps.items():
            try:
                app = self._complete(app_id, update, version, False, ports, groups)
                if existing := self._state.apps.get(app_id):
                    validation.check_change(existing, app, force=force)
                apps[app_id] = app
                ports.update(apps[app_id].service_ports)
            except InvalidObject as refusal:
                found += [_at(where, violation) for violation in refusal.violations]
        if found:
            raise InvalidObject(found)
        return apps

    def _group(self, group_id: str) -> Group:
        group = self._state.groups.by_id.get(group_id)
        if group is None:
            raise Unknown.group(group_id)
        return group


def _at(where: str, violation: Violation) -> Violation:
    return Violation(where + violation.path.removesuffix("/"), violation.error)
