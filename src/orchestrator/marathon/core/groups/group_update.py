"""What clients ask of groups: definitions as they send them, and the commands these become.

Like apps, groups come with everything optional, null being the same as absent.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from orchestrator.marathon.core.apps.app_parts import Part, Text
from orchestrator.marathon.core.apps.app_update import AppUpdate

MAX_SCALE = 1e6


class GroupUpdate(Part):
    """What a client says about a group; lists that are given replace what is there as a whole.

    ``version`` takes the group back to how it was then, ``scale_by`` multiplies the instances of
    all apps below; each stands alone. Groups within groups have neither: their version is ignored,
    so that clients can send what they were shown.
    """

    id: Text | None = None
    apps: list[AppUpdate] | None = None
    groups: list[GroupUpdate] | None = None
    dependencies: list[str] | None = None
    scale_by: Annotated[float, Meta(ge=0, le=MAX_SCALE)] | None = None
    version: str | None = None
    enforce_role: bool | None = None

    @property
    def changes_apps(self) -> bool:
        """Whether apps may be added, removed or changed."""
        return self.apps is not None or any(group.changes_apps for group in self.groups or [])


class GroupSettings(Part):
    """What can be said of a group without a change of its apps."""

    enforce_role: bool | None = None


class CreateGroup(msgspec.Struct, frozen=True):
    """A new group; the id of the update hangs on ``base``."""

    base: str
    update: GroupUpdate
    force: bool = False


class ChangeGroup(msgspec.Struct, frozen=True):
    """A group as it is to be, created if it is not there.

    ``is_dry_run``: nothing is changed, only the steps are told.
    """

    base: str
    update: GroupUpdate
    force: bool = False
    is_dry_run: bool = False


class SetGroup(msgspec.Struct, frozen=True):
    """New settings of a top-level group; its apps stay as they are."""

    group_id: str
    settings: GroupSettings


class DeleteGroup(msgspec.Struct, frozen=True):
    """The end of a group and of all that is in it."""

    group_id: str
    force: bool = False


GroupCommand = CreateGroup | ChangeGroup | SetGroup | DeleteGroup
