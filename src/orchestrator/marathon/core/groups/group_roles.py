"""Which Mesos roles an app or pod may have, by the group that it is in.

One directly below the root has Marathon's own role. Elsewhere it may take the name of its
top-level group instead, and has to where the group enforces it. A role that it already has may
stay. Source: RoleSettings.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.groups.tree import Group, top_level
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State


def of_spec(state: State, path: str, groups: Mapping[str, Group] | None = None) -> list[str]:
    """The roles that the app or pod may have, in the tree as it is or with these groups."""
    settings = state.settings
    return allowed(
        path,
        settings.role,
        state.spec(path),
        groups or state.groups.by_id,
        enforces=settings.enforces_new_group_roles,
    )


def allowed(
    path: str,
    own_role: str,
    existing: RunSpec | None,
    groups: Mapping[str, Group],
    *,
    enforces: bool,
) -> list[str]:
    """The roles that it may have; the first is the one it gets if it does not say.

    ``own_role`` is Marathon's; ``enforces`` says whether new top-level groups enforce theirs.
    """
    if ids.parent(path) == ids.ROOT:
        return [own_role]
    top = top_level(path)
    group = groups.get(top)
    of_group = top.removeprefix("/")
    roles = [of_group] if (group.enforce_role if group else enforces) else [own_role, of_group]
    return list(dict.fromkeys([*roles, *([existing.role] if existing else [])]))
