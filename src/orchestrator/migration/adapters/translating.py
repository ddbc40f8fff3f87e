"""The engine's writes as requests of ZooKeeper, and what servers say of them as outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from orchestrator.migration.core import effects
from orchestrator.migration.core.events import Lost, Refusal, Refused
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.multi import Op as MultiOp
from orchestrator.zookeeper.jute.request import Request
from orchestrator.zookeeper.jute.requests import (
    Check,
    Create,
    CreateContainer,
    CreateMode,
    CreateTtl,
    Delete,
    SetAcl,
    SetData,
)

_REFUSALS: dict[type[errors.ServerError], Refusal] = {
    errors.NodeExists: Refusal.EXISTS,
    errors.NoNode: Refusal.MISSING,
    errors.BadVersion: Refusal.VERSION,
    errors.NotEmpty: Refusal.NOT_EMPTY,
    errors.NoAuth: Refusal.NO_AUTH,
    errors.NoChildrenForEphemerals: Refusal.EPHEMERAL_PARENT,
}


def request_of(ops: Sequence[effects.Op]) -> Request[object]:
    """One multi. A single write is a request of its own: servers take an access list in no multi,
    and the largest node that they take in none either, for a multi needs some bytes itself."""
    first = ops[0]
    if isinstance(first, effects.SetAcl):
        return SetAcl(first.path, first.acl, first.version)
    made = tuple([_op(op) for op in ops])
    if len(made) == 1 and not isinstance(made[0], Check):
        return made[0]
    return Multi(made, brief=True)


def outcome_of(batch: int, error: BaseException) -> Refused | Lost:
    """What a failed batch came to. Errors that are not the servers' or the client's are raised."""
    match error:
        case errors.MultiFailed(index=index, error=cause, zxid=zxid):
            return Refused(batch, zxid, index, refusal_of(cause), str(cause))
        case errors.ServerSessionExpired() | errors.SessionMoved():
            return Lost(batch)
        case errors.ServerError():
            return Refused(batch, error.zxid, 0, refusal_of(error), str(error))
        case errors.RequestTooLarge():
            return Refused(batch, 0, 0, Refusal.TOO_LARGE, str(error))
        case errors.InvalidRequest():
            return Refused(batch, 0, 0, Refusal.OTHER, str(error))
        case errors.ZooKeeperError():
            return Lost(batch)
        case _:
            raise error


def refusal_of(error: errors.ServerError) -> Refusal:
    """The engine's word for a server's error."""
    return _REFUSALS.get(type(error), Refusal.OTHER)


def _op(op: effects.Op) -> MultiOp:
    match op:
        case effects.Create(path, data, acl, container, ttl_ms, ephemeral):
            if container:
                return CreateContainer(path, data, acl)
            if ttl_ms:
                return CreateTtl(path, ttl_ms, data, acl)
            mode = CreateMode.EPHEMERAL if ephemeral else CreateMode.PERSISTENT
            return Create(path, data, acl, mode)
        case effects.SetData(path, data, version):
            return SetData(path, data, version)
        case effects.Delete(path, version):
            return Delete(path, version)
        case effects.Check(path, version):
            return Check(path, version)
        case effects.SetAcl():
            raise ValueError("an access list is set in a batch of its own")
        case _:
            assert_never(op)
