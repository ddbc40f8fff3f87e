"""The groups that exist and the versions of the tree they make, with how both are stored.

A part of ``state``, which alone may change it: methods return the ``Save`` of each change. Groups
and revisions have one key each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from orchestrator.marathon.core import ids, timestamps
from orchestrator.marathon.core.groups.tree import Change, Group, Revision, Tree, ancestors
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.runtime.machine import Save

NEVER = timestamps.render(0)
"""The version of a tree that nobody has changed yet."""


class Groups:
    """All groups by id, and what was changed in the tree, as far back as it is kept.

    ``today`` is the tree as it is; ``version`` the one it has. Keys begin with ``prefix``.
    """

    def __init__(self, prefix: str) -> None:
        self.by_id: dict[str, Group] = {ids.ROOT: Group(id=ids.ROOT)}
        self._revisions: dict[str, Revision] = {}  # oldest first
        self._group_key, self._revision_key = f"{prefix}groups", f"{prefix}revisions/"

    def load(self, objects: Mapping[str, bytes], spec_ids: Iterable[str]) -> list[Save]:
        """Take up what was saved, and add the groups of apps that were saved before groups were.

        Raises msgspec.DecodeError.
        """
        for key in sorted(objects):
            if key.startswith(self._group_key + "/"):
                group = msgspec.json.decode(objects[key], type=Group)
                self.by_id[group.id] = group
            elif key.startswith(self._revision_key):
                revision = msgspec.json.decode(objects[key], type=Revision)
                self._revisions[revision.version] = revision
        needed = {group_id for spec_id in spec_ids for group_id in ancestors(spec_id)}
        missing = sorted(needed - self.by_id.keys())
        return [self._put(group_id, Group(id=group_id)) for group_id in missing]

    def change(self, changes: Mapping[str, Group | None]) -> list[Save]:
        """Put and remove groups."""
        return [self._put(group_id, group) for group_id, group in changes.items()]

    def remember(self, revision: Revision, limit: int) -> list[Save]:
        """Keep what a change replaced; the oldest versions are forgotten."""
        self._revisions[revision.version] = revision
        saves = [Save(self._revision_key + revision.version, msgspec.json.encode(revision))]
        for version in list(self._revisions)[:-limit]:
            del self._revisions[version]
            saves.append(Save(self._revision_key + version, None))
        return saves

    @property
    def newest(self) -> str | None:
        """The version that the last change made."""
        return next(reversed(self._revisions), None)

    def versions(self, today: Tree, version: str, group_id: str) -> Iterator[str]:
        """The versions of the tree in which the group existed, newest first."""
        exists = group_id in today.groups
        if exists:
            yield version
        for revision in reversed(self._revisions.values()):
            before = revision.way_back.groups
            if group_id in before:
                exists = before[group_id] is not None
            if exists:
                yield revision.previous

    def tree(self, today: Tree, version: str, wanted: str) -> Tree | None:
        """The tree in the wanted version; None if it is not kept."""
        if wanted == version:
            return today
        specs: dict[str, RunSpec | None] = {}
        groups: dict[str, Group | None] = {}
        for revision in reversed(self._revisions.values()):
            specs |= revision.way_back.specs
            groups |= revision.way_back.groups
            if revision.previous == wanted:
                return today.changed(Change(specs, groups))
        return None

    def _put(self, group_id: str, group: Group | None) -> Save:
        if group is None:
            del self.by_id[group_id]
            return Save(self._group_key + group_id, None)
        self.by_id[group_id] = group
        return Save(self._group_key + group_id, msgspec.json.encode(group))
