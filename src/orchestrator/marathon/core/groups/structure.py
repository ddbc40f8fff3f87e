"""What keeps the tree whole: groups that have to come along with a change, ids that are taken.

Source: RootGroup.updateApp and the validators of Group.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.groups.tree import (
    Change,
    Group,
    Tree,
    ancestors,
    below,
    is_top_level,
    within,
)
from orchestrator.marathon.core.refusals import InvalidObject, Violation

_TAKEN = "Groups and Applications may not have the same identifier."


def completed(tree: Tree, change: Change, *, enforces: bool) -> Change:
    """The change with all that it needs, and without what says nothing new.

    Groups come along with what is in them, stay while something is in them, and give way to an app
    of the same id when nothing is. ``enforces``: new top-level groups enforce their role.
    """
    groups = dict(change.groups)
    for app_id in _new_specs(tree, change):
        if app_id in tree.groups and app_id not in groups:
            groups |= _cleared(tree.changed(change), app_id)
    groups |= _kept(tree, Change(change.specs, groups))
    for path in _present(change.specs) + _present(groups):
        for group_id in ancestors(path):
            if groups.get(group_id) is None and (group_id in groups or group_id not in tree.groups):
                groups[group_id] = new_group(group_id, enforces)
    changed = {path: group for path, group in groups.items() if tree.groups.get(path) != group}
    return Change(change.specs, changed)


def check(tree: Tree, change: Change, max_apps: int) -> None:
    """Refuse a completed change that the tree cannot have. Raises InvalidObject."""
    after = tree.changed(change)
    if len(after.specs) > max(max_apps, len(tree.specs)):
        raise InvalidObject([Violation("/", f"there cannot be more than {max_apps} apps")])
    is_taken = any(app_id in after.groups for app_id in _new_specs(tree, change))
    if is_taken or any(group_id in after.specs for group_id in _present(change.groups)):
        raise InvalidObject([Violation("/", _TAKEN)])


def new_group(group_id: str, enforces: bool) -> Group:
    """A group that nobody has said anything about."""
    return Group(id=group_id, enforce_role=enforces and is_top_level(group_id))


def _new_specs(tree: Tree, change: Change) -> list[str]:
    return [app_id for app_id in _present(change.specs) if app_id not in tree.specs]


def _present(paths: Mapping[str, object | None]) -> list[str]:
    return [path for path, value in paths.items() if value is not None]


def _cleared(tree: Tree, group_id: str) -> dict[str, Group | None]:
    """The end of a group and the groups in it, if no app is in any."""
    if any(below(tree.specs, group_id)):
        return {}
    return dict.fromkeys(within(tree.groups, group_id))


def _kept(tree: Tree, change: Change) -> dict[str, Group | None]:
    """Groups that were to go and cannot, as they are now."""
    going = {group_id for group_id, group in change.groups.items() if group is None}
    if not going:
        return {}
    after = tree.changed(change)
    holding = {group_id for path in (*after.specs, *after.groups) for group_id in ancestors(path)}
    kept = {path: tree.groups.get(path) for path in going & holding}
    return kept | ({ids.ROOT: Group(id=ids.ROOT)} if ids.ROOT in going else {})
