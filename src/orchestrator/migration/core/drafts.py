"""The writes that bring one side of a path to what it should be.

Data is set in the batch's multi, guarded by the version. An access list is a request of its own,
for servers take it in no multi; it follows when the data is there. Another lifetime is another
node: it is deleted and created in one multi, which the server refuses while it has children.

Access lists are copied as they are. No node is opened for the engine's sake: it writes as a
superuser, or as an identity that the lists admit; where they do not, the server refuses and the
path is reported.
"""

from __future__ import annotations

import msgspec

from orchestrator.migration.core.content import Content, State, lifetime_of
from orchestrator.migration.core.effects import Create, Delete, Op, SetAcl, SetData
from orchestrator.migration.core.flights import Intent, Mode
from orchestrator.migration.core.sides import Role, Side
from orchestrator.zookeeper.jute.records import Acls

_OP_BYTES = 64
_ACL_BYTES = 40


class Draft(msgspec.Struct, frozen=True, gc=False):
    """Operations on one path of a side; ``size_bytes`` about as on the wire."""

    side: Side
    role: Role
    ops: tuple[Op, ...]
    intent: Intent
    size_bytes: int

    @property
    def is_delete(self) -> bool:
        """Whether it goes before what is created or set."""
        return type(self.ops[0]) is Delete and len(self.ops) == 1


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a draft writes: the side, the path there, the path of the view."""

    side: Side
    outer: str
    path: str


def deletion(place: Place, state: State, role: Role = Role.WRITER) -> Draft:
    """Delete what a side shows."""
    mode = Mode.WHOLE if role is Role.WRITER else Mode.NONE
    intent = Intent(place.path, mode, None, state.version, state.content)
    op = Delete(place.outer, state.version)
    return Draft(place.side, role, (op,), intent, _size(place.outer, None))


def creation(place: Place, want: Content, data: bytes | None, acl: Acls) -> Draft:
    """Create a node that is not there."""
    intent = Intent(place.path, Mode.WHOLE, want, -1)
    op = _create(place.outer, want, data, acl)
    size = _size(place.outer, data) + _ACL_BYTES * len(acl)
    return Draft(place.side, Role.WRITER, (op,), intent, size)


def replacement(place: Place, state: State, want: Content, data: bytes | None, acl: Acls) -> Draft:
    """Have a node with another lifetime in place of one."""
    ops = (Delete(place.outer, state.version), _create(place.outer, want, data, acl))
    intent = Intent(place.path, Mode.WHOLE, want, state.version, state.content)
    size = _size(place.outer, data) + _size(place.outer, None) + _ACL_BYTES * len(acl)
    return Draft(place.side, Role.WRITER, ops, intent, size)


def data_change(
    place: Place, state: State, want: Content, data: bytes | None, role: Role = Role.WRITER
) -> Draft:
    """Set data."""
    mode = Mode.DATA if role is Role.WRITER else Mode.NONE
    intent = Intent(place.path, mode, want, state.version, state.content)
    op = SetData(place.outer, data, state.version)
    return Draft(place.side, role, (op,), intent, _size(place.outer, data))


def raising(place: Place, state: State, data: bytes | None, count: int) -> Draft:
    """Set what is there so many times again, for its version."""
    ops = tuple([SetData(place.outer, data, state.version + n) for n in range(count)])
    intent = Intent(place.path, Mode.NONE, None, state.version)
    return Draft(place.side, Role.WRITER, ops, intent, _size(place.outer, data) * count)


def acl_change(
    place: Place, state: State, want: Content, acl: Acls, role: Role = Role.WRITER
) -> Draft:
    """Set an access list."""
    mode = Mode.ACL if role is Role.WRITER else Mode.NONE
    intent = Intent(place.path, mode, want, state.aversion, state.content)
    op = SetAcl(place.outer, acl, state.aversion)
    return Draft(place.side, role, (op,), intent, _size(place.outer, None))


def proxy(place: Place, data: bytes | None, acl: Acls) -> Draft:
    """Create an ephemeral node of the engine's proxy session."""
    op = Create(place.outer, data, acl, ephemeral=True)
    size = _size(place.outer, data) + _ACL_BYTES * len(acl)
    return Draft(place.side, Role.PROXY, (op,), Intent(place.path, Mode.NONE, None, -1), size)


def aside(side: Side, key: str, ops: tuple[Op, ...]) -> Draft:
    """Operations on nodes that are not synced; ``key`` begins with two slashes, as no path does."""
    return Draft(side, Role.WRITER, ops, Intent(key, Mode.NONE, None, -1), _OP_BYTES * len(ops))


def _create(outer: str, want: Content, data: bytes | None, acl: Acls) -> Create:
    life = lifetime_of(want.kind)
    return Create(outer, data, acl, life.container, life.ttl_ms)


def _size(outer: str, data: bytes | None) -> int:
    return _OP_BYTES + len(outer) + (len(data) if data else 0)
