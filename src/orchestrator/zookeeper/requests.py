"""What is asked of ZooKeeper in one transaction, and how a request may fail."""

from __future__ import annotations

from typing import NamedTuple

from kazoo import exceptions as kazoo_errors


class ZooKeeperError(Exception):
    """ZooKeeper refused a request; the text says which and why."""


class NoNodeError(ZooKeeperError):
    """There is no such znode, or not its parent."""


class NodeExistsError(ZooKeeperError):
    """There is such a znode already."""


class UnimplementedError(ZooKeeperError):
    """The server does not know such requests."""


class DisconnectedError(ZooKeeperError):
    """No answer came: the request was carried out, or not."""


class Create(NamedTuple):
    """One operation of ``multi``: a new persistent znode."""

    path: str
    value: bytes


class Change(NamedTuple):
    """One operation of ``multi``: another value for a znode."""

    path: str
    value: bytes


class Remove(NamedTuple):
    """One operation of ``multi``: a znode away."""

    path: str


class Check(NamedTuple):
    """One operation of ``multi``: all fail unless this znode exists, in this version if given."""

    path: str
    version: int = -1


Operation = Create | Change | Remove | Check


class RefusedError(ZooKeeperError):
    """A ``multi`` changed nothing, because of the operation at ``index``."""

    def __init__(self, index: int, cause: ZooKeeperError) -> None:
        super().__init__(str(cause))
        self.index = index
        self.cause = cause


def is_bystander(error: Exception) -> bool:
    """Whether an operation of a multi failed only because another one did."""
    return isinstance(error, kazoo_errors.RolledBackError | kazoo_errors.RuntimeInconsistency)


def translated(error: Exception, what: str = "") -> ZooKeeperError:
    """What kazoo raises, as one of ours; ``what`` was asked about."""
    reason = str(error) or type(error).__name__.removesuffix("Error")
    sentence = f"ZooKeeper refuses {what}: {reason}" if what else f"ZooKeeper: {reason}"
    match error:
        case kazoo_errors.NoNodeError():
            return NoNodeError(sentence)
        case kazoo_errors.NodeExistsError():
            return NodeExistsError(sentence)
        case kazoo_errors.UnimplementedError():
            return UnimplementedError(sentence)
        case (
            kazoo_errors.ConnectionLoss()
            | kazoo_errors.SessionExpiredError()
            | kazoo_errors.ConnectionClosedError()
            | kazoo_errors.OperationTimeoutError()
        ):
            return DisconnectedError(sentence)
        case _:
            return ZooKeeperError(sentence)
