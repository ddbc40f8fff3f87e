"""What a step of a transaction makes of a node's state."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.migration.core.content import Content, State, digest
from orchestrator.zookeeper.source import AclSet, DataSet


def with_data(old: State, step: DataSet) -> State:
    """The node after its data was set."""
    content = old.content
    new = Content(digest(step.data), content.acl, content.kind)
    return State(new, step.version, old.aversion, old.owner)


def with_acl(old: State, step: AclSet, number: int) -> State:
    """The node after its access list, which has this number, was set."""
    return State(replace(old.content, acl=number), old.version, step.version, old.owner)
