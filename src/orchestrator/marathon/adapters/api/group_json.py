"""Groups as Marathon shows them: a tree of JSON with apps, groups and pods in each group.

``enforceRole`` is written where it is true only: clients of before 1.9 refuse fields they do not
know, and take its absence for false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import Part, always
from orchestrator.marathon.core.groups.tree import Contents, Tree, below, within
from orchestrator.marathon.core.pods.pod import Pod

APPS, GROUPS, PODS = "group.apps", "group.groups", "group.pods"
EVERYTHING = frozenset({APPS, GROUPS, PODS})

WriteApp = Callable[[App], bytes]


class GroupInfo(Part):
    """A group of which only what is in it is left to be told."""

    id: str
    version: str
    dependencies: list[str] = always(default=[])
    enforce_role: bool = False


class GroupJson:
    """One tree as JSON; ``version`` is what all groups of a tree have in common."""

    def __init__(
        self, tree: Tree, version: str, embeds: Collection[str], write_app: WriteApp
    ) -> None:
        self._tree = tree
        self._apps_by_id = tree.apps
        self._version = version
        self._embeds = embeds
        self._write_app = write_app
        self._contents = Contents(tree)

    def group(self, group_id: str) -> bytes:
        """A group with what is embedded, written from below: trees may be deep."""
        if GROUPS not in self._embeds:
            return self._group(group_id, [])
        written: dict[str, bytes] = {}
        for path in sorted(within(self._tree.groups, group_id), reverse=True):
            children = self._contents.groups.get(path, [])
            written[path] = self._group(path, [written.pop(child) for child in children])
        return written[group_id]

    def _group(self, group_id: str, children: Sequence[bytes]) -> bytes:
        group = self._tree.groups[group_id]
        info = GroupInfo(
            id=group_id,
            dependencies=group.dependencies,
            version=self._version,
            enforce_role=group.enforce_role,
        )
        parts = [msgspec.json.encode(info)[:-1]]
        parts.append(b'"apps":' + self._apps(group_id))
        parts.append(b'"groups":' + array(children))
        parts.append(b'"pods":' + self._pods(group_id) + b"}")
        return b",".join(parts)

    def _apps(self, group_id: str) -> bytes:
        if APPS not in self._embeds:
            return b"[]"
        apps = self._contents.apps.get(group_id, [])
        return array([self._write_app(self._apps_by_id[app_id]) for app_id in apps])

    def _pods(self, group_id: str) -> bytes:
        if PODS not in self._embeds:
            return b"[]"
        pods = [self._tree.specs[path] for path in self._contents.pods.get(group_id, [])]
        return array([msgspec.json.encode(pod.shown()) for pod in pods if isinstance(pod, Pod)])


def array(items: Sequence[bytes]) -> bytes:
    """A JSON array of what is JSON already."""
    return b"[" + b",".join(items) + b"]"


def apps_within(tree: Tree, group_id: str) -> list[App]:
    """All apps below a group, in the order of ids."""
    apps = tree.apps
    return [apps[app_id] for app_id in sorted(below(apps, group_id))]
