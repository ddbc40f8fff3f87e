"""The tree of groups with the apps and pods in them, as values: a change, and the way back.

All are kept flat, by id; that ``/shop/cart`` is in ``/shop`` is told by the ids alone. A group
exists because somebody created it or because something is in it, and stays when it is empty. The
root always exists.

A change of the tree makes a version of the whole tree. Kept of it is only what it replaced
(``Revision``): earlier trees are found by undoing changes from today's, newest first (``groups``).
So a version costs what the change was, not what the tree is, and the oldest can go at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import Part
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec

T = TypeVar("T")


class Group(Part):
    """A group by itself.

    ``enforce_role``: apps below have the group's name as role; for top-level groups only.
    """

    id: str
    dependencies: list[str] = []
    enforce_role: bool = False


class Tree(msgspec.Struct, frozen=True):
    """All apps and pods (``specs``) and groups at one moment."""

    specs: Mapping[str, RunSpec]
    groups: Mapping[str, Group]

    @property
    def apps(self) -> Mapping[str, App]:
        """The apps alone."""
        return {path: spec for path, spec in self.specs.items() if isinstance(spec, App)}

    def changed(self, change: Change) -> Tree:
        """The tree after a change."""
        return Tree(_merged(self.specs, change.specs), _merged(self.groups, change.groups))


class Change(msgspec.Struct, frozen=True):
    """Apps, pods and groups as they are to be; None for those that are to go."""

    specs: Mapping[str, RunSpec | None] = {}
    groups: Mapping[str, Group | None] = {}


class Revision(Part):
    """What a change replaced; ``previous`` is the version of the tree before it.

    ``new_apps`` are the ids of new pods, too.
    """

    version: str
    previous: str
    apps: list[App] = []
    pods: list[Pod] = []
    groups: list[Group] = []
    new_apps: list[str] = []
    new_groups: list[str] = []

    @classmethod
    def of(cls, tree: Tree, change: Change, version: str, previous: str) -> Revision:
        """The revision that a change of the tree makes."""
        replaced = [spec for path in change.specs if (spec := tree.specs.get(path))]
        return cls(
            version=version,
            previous=previous,
            apps=[spec for spec in replaced if isinstance(spec, App)],
            pods=[spec for spec in replaced if isinstance(spec, Pod)],
            groups=[group for group_id in change.groups if (group := tree.groups.get(group_id))],
            new_apps=sorted(change.specs.keys() - tree.specs.keys()),
            new_groups=sorted(change.groups.keys() - tree.groups.keys()),
        )

    @property
    def way_back(self) -> Change:
        """The change that undoes this one."""
        replaced: list[RunSpec] = [*self.apps, *self.pods]
        return Change(
            {spec.id: spec for spec in replaced} | dict.fromkeys(self.new_apps),
            {group.id: group for group in self.groups} | dict.fromkeys(self.new_groups),
        )


class Contents:
    """What is directly in each group, each list in the order of ids."""

    def __init__(self, tree: Tree, top: str = ids.ROOT) -> None:
        self.apps: dict[str, list[str]] = {}
        self.pods: dict[str, list[str]] = {}
        self.groups: dict[str, list[str]] = {}
        for path in sorted(within(tree.specs, top)):
            contents = self.apps if isinstance(tree.specs[path], App) else self.pods
            contents.setdefault(ids.parent(path), []).append(path)
        for group_id in sorted(within(tree.groups, top)):
            if group_id != ids.ROOT:
                self.groups.setdefault(ids.parent(group_id), []).append(group_id)


def within(paths: Iterable[str], group_id: str) -> Iterator[str]:
    """Those that are the group itself or lie below it."""
    return (path for path in paths if ids.is_within(path, group_id))


def below(paths: Iterable[str], group_id: str) -> Iterator[str]:
    """Those that lie below the group: what has its id is not in it."""
    return (path for path in within(paths, group_id) if path != group_id)


def ancestors(path: str) -> Iterator[str]:
    """The groups on the way from a path to the root, which comes last."""
    while path != ids.ROOT:
        path = ids.parent(path)
        yield path


def is_top_level(group_id: str) -> bool:
    """Whether a group is directly below the root."""
    return group_id != ids.ROOT and ids.parent(group_id) == ids.ROOT


def top_level(path: str) -> str:
    """The top-level group that a path lies in or is, the root's being the root."""
    return "/" + path.split("/", 2)[1]


def _merged(old: Mapping[str, T], new: Mapping[str, T | None]) -> Mapping[str, T]:
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged
