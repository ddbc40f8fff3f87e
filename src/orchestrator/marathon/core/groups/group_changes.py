"""From a group as a client describes it to the apps and groups that are to be.

Lists that are given replace what is there: apps and groups that they leave out go. Lists that are
not given leave everything as it is. Ids are relative to the group they stand in. Source:
GroupConversion.scala and GroupNormalization.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.groups.group_update import GroupUpdate
from orchestrator.marathon.core.groups.structure import new_group
from orchestrator.marathon.core.groups.tree import (
    Contents,
    Group,
    Tree,
    below,
    is_top_level,
    within,
)
from orchestrator.marathon.core.refusals import InvalidObject, Violation

_ALONE = {
    name: Violation(path, "not allowed in conjunction with other properties.")
    for name, path in (("version", "/version"), ("scale_by", "/scaleBy"))
}
_ROLE_AND_APPS = (
    "enforceRole cannot be modified in a request that adds, removes or modifies services; "
    "please make these changes in separate requests."
)


class Described(NamedTuple):
    """An app in the description of a group; ``where`` is its JSON path."""

    where: str
    update: AppUpdate


class Wanted(msgspec.Struct, frozen=True):
    """What a description says: apps to make, groups to have, and what it wants to be gone."""

    apps: Mapping[str, Described]
    groups: Mapping[str, Group]
    gone_apps: frozenset[str]
    gone_groups: frozenset[str]


def target(base: str, update: GroupUpdate) -> str:
    """The id of the group that is described."""
    return ids.canonical(update.id, base) if update.id is not None else base


def wanted(tree: Tree, group_id: str, update: GroupUpdate, *, enforces: bool) -> Wanted:
    """What the description of this group asks for. Raises InvalidObject.

    ``enforces``: new top-level groups enforce their role if nothing is said of it.
    """
    reader = _Reader(tree, group_id, enforces, update.changes_apps)
    reader.read(group_id, update, "")
    if reader.violations:
        raise InvalidObject(reader.violations)
    return Wanted(
        apps=reader.apps,
        groups=reader.groups,
        gone_apps=frozenset(below(tree.apps, group_id)) - reader.apps.keys() - reader.kept,
        gone_groups=frozenset(within(tree.groups, group_id)) - reader.groups.keys() - reader.kept,
    )


def check_alone(update: GroupUpdate) -> None:
    """Refuse a version or scaleBy that comes with anything else. Raises InvalidObject."""
    given = {name for name, value in asdict(update).items() if value is not None}
    found = [_ALONE[name] for name in sorted(given & _ALONE.keys()) if len(given) > 1]
    if found:
        raise InvalidObject(found)


class _Reader:
    """Walks down a description; ``kept`` collects what it leaves alone."""

    def __init__(self, tree: Tree, top: str, enforces: bool, changes_apps: bool) -> None:
        self.apps: dict[str, Described] = {}
        self.groups: dict[str, Group] = {}
        self.kept: set[str] = set()
        self.violations: list[Violation] = []
        self._tree = tree
        self._contents = Contents(tree, top)
        self._enforces = enforces
        self._changes_apps = changes_apps

    def read(self, group_id: str, update: GroupUpdate, where: str) -> None:
        """Take up one group and all that is described in it."""
        self._check_id(group_id, f"{where}/id")
        if update.scale_by is not None:
            self._refuse(f"{where}/scaleBy", "groups within groups cannot be scaled on their own")
        self.groups[group_id] = self._group(group_id, update, where)
        if update.apps is None:
            self.kept.update(self._contents.apps.get(group_id, []))
        for index, app in enumerate(update.apps or []):
            self._read_app(group_id, app, f"{where}/apps({index})")
        if update.groups is None:
            self._keep_groups(group_id)
        for index, group in enumerate(update.groups or []):
            self._read_group(group_id, group, f"{where}/groups({index})")

    def _read_app(self, group_id: str, update: AppUpdate, where: str) -> None:
        if update.id is None:
            self._refuse(f"{where}/id", "error.path.missing")
            return
        app_id = ids.canonical(update.id, group_id)
        if app_id == ids.ROOT or ids.parent(app_id) != group_id:
            self._refuse(f"{where}/id", f"Identifier is not child of '{group_id}'")
        elif app_id in self.apps:
            self._refuse(f"{where}/id", f"{app_id} is named more than once")
        named = update.dependencies
        dependencies = None if named is None else _absolute(named, group_id)
        self.apps[app_id] = Described(where, replace(update, id=app_id, dependencies=dependencies))

    def _read_group(self, parent_id: str, update: GroupUpdate, where: str) -> None:
        if update.id is None:
            self._refuse(f"{where}/id", "error.path.missing")
            return
        group_id = ids.canonical(update.id, parent_id)
        if group_id == ids.ROOT or ids.parent(group_id) != parent_id:
            self._refuse(f"{where}/id", "Group has to be child of groups with parent id")
        elif group_id in self.groups:
            self._refuse(f"{where}/id", f"{group_id} is named more than once")
        else:
            self.read(group_id, update, where)

    def _group(self, group_id: str, update: GroupUpdate, where: str) -> Group:
        existing = self._tree.groups.get(group_id)
        group = existing or new_group(group_id, self._enforces)
        if update.dependencies is not None:
            group = replace(group, dependencies=_absolute(update.dependencies, group_id))
            for index, path in enumerate(group.dependencies):
                self._check_id(path, f"{where}/dependencies({index})")
        if update.enforce_role is None or update.enforce_role is group.enforce_role:
            return group
        if not is_top_level(group_id):
            self._refuse(f"{where}/enforceRole", not_top_level(group_id))
        elif existing is not None and self._changes_apps:
            self._refuse(f"{where}/enforceRole", _ROLE_AND_APPS)
        return replace(group, enforce_role=update.enforce_role)

    def _keep_groups(self, group_id: str) -> None:
        waiting = list(self._contents.groups.get(group_id, []))
        while waiting:
            kept = waiting.pop()
            self.kept.add(kept)
            self.kept.update(self._contents.apps.get(kept, []))
            waiting += self._contents.groups.get(kept, [])

    def _check_id(self, path: str, where: str) -> None:
        if path != ids.ROOT:
            for error in ids.problems(path):
                self._refuse(where, error)

    def _refuse(self, path: str, error: str) -> None:
        self.violations.append(Violation(path, error))


def not_top_level(group_id: str) -> str:
    """Why a group cannot enforce a role."""
    return f"enforceRole can only be set for top-level groups, and {group_id} is not top-level"


def _absolute(paths: list[str], base: str) -> list[str]:
    return [ids.canonical(path, base) for path in paths]
