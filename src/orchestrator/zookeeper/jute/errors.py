# ruff: noqa: N818 - the names are those of ZooKeeper's own clients
"""What can go wrong between a client and an ensemble, each in one sentence.

`ServerError` and its classes are answers of a server to one request (``KeeperException.Code``).
The others are about the connection or the session, or refuse a request before it is sent.
"""

from __future__ import annotations

from typing import ClassVar


class ZooKeeperError(Exception):
    """Anything that a client reports."""


class FrameError(ZooKeeperError):
    """The other side does not speak ZooKeeper's protocol, or a frame is broken."""


class FrameTooLarge(FrameError):
    """A frame is longer than the client reads (setting ``max_reply_bytes``)."""


class InvalidRequest(ZooKeeperError):
    """A request cannot be written: a path that is no text, a number out of its range."""


class RequestTooLarge(ZooKeeperError):
    """A request is longer than servers read; it was not sent, as they would hang up."""


class Overloaded(ZooKeeperError):
    """More is under way than the client's bounds allow; await ``room()`` before sending."""


class ConnectionLoss(ZooKeeperError):
    """The connection is gone. A request under way may have been carried out, or not."""


class SessionExpired(ZooKeeperError):
    """The ensemble ended the session; its ephemeral nodes and watches are gone."""


class AuthenticationFailed(ZooKeeperError):
    """The ensemble does not accept the credentials; trying again changes nothing."""


class ClientClosed(ZooKeeperError):
    """The client was closed."""


class ServerError(ZooKeeperError):
    """A server refused a request. ``zxid`` is that of the answer: what the server had seen."""

    sentence: ClassVar[str] = ""

    def __init__(self, code: int, path: str = "", zxid: int = 0) -> None:
        super().__init__(code, path, zxid)
        self.code = code
        self.path = path
        self.zxid = zxid

    def __str__(self) -> str:
        what = self.sentence or f"the server answers with error {self.code}"
        return f"{self.path}: {what}" if self.path else what


class ServerFault(ServerError):
    """-1: something failed inside the server."""

    sentence = "something failed inside the server"


class RuntimeInconsistency(ServerError):
    """-2: also the error of all operations of a multi behind the one that failed."""

    sentence = "another operation of the same multi failed"


class MarshallingError(ServerError):
    """-5: the server could not read the request."""

    sentence = "the server could not read the request"


class Unimplemented(ServerError):
    """-6: the server does not know the request, or has it switched off."""

    sentence = "the server does not know this request, or has it switched off"


class OperationTimeout(ServerError):
    """-7."""

    sentence = "the ensemble did not decide in time"


class BadArguments(ServerError):
    """-8: most often a path that is none."""

    sentence = "the server takes the path or an argument for invalid"


class NoNode(ServerError):
    """-101."""

    sentence = "there is no such node"


class NoAuth(ServerError):
    """-102."""

    sentence = "the access list does not allow it"


class BadVersion(ServerError):
    """-103."""

    sentence = "the node has another version than the one expected"


class NoChildrenForEphemerals(ServerError):
    """-108."""

    sentence = "an ephemeral node cannot have children"


class NodeExists(ServerError):
    """-110."""

    sentence = "the node exists already"


class NotEmpty(ServerError):
    """-111."""

    sentence = "the node has children"


class ServerSessionExpired(ServerError):
    """-112: said instead of an answer when the session ended meanwhile."""

    sentence = "the session has expired"


class InvalidAcl(ServerError):
    """-114."""

    sentence = "the server takes the access list for invalid"


class AuthFailed(ServerError):
    """-115."""

    sentence = "the server does not accept the credentials"


class SessionMoved(ServerError):
    """-118: the session was taken up at another server."""

    sentence = "the session was taken up on another connection"


class NotReadOnly(ServerError):
    """-119: a server without a quorum was asked to write."""

    sentence = "the server is read-only: it has lost its quorum"


class NoWatcher(ServerError):
    """-121."""

    sentence = "there is no such watch"


class QuotaExceeded(ServerError):
    """-125."""

    sentence = "a quota of the ensemble is used up"


class Throttled(ServerError):
    """-127: since 3.7, when a server has too much to do."""

    sentence = "the server has too much to do and dropped the request"


_CLASSES: dict[int, type[ServerError]] = {
    -1: ServerFault,
    -2: RuntimeInconsistency,
    -5: MarshallingError,
    -6: Unimplemented,
    -7: OperationTimeout,
    -8: BadArguments,
    -101: NoNode,
    -102: NoAuth,
    -103: BadVersion,
    -108: NoChildrenForEphemerals,
    -110: NodeExists,
    -111: NotEmpty,
    -112: ServerSessionExpired,
    -114: InvalidAcl,
    -115: AuthFailed,
    -118: SessionMoved,
    -119: NotReadOnly,
    -121: NoWatcher,
    -125: QuotaExceeded,
    -127: Throttled,
}
RUNTIME_INCONSISTENCY = -2
NO_NODE = -101


def server_error(code: int, path: str = "", zxid: int = 0) -> ServerError:
    """The error of a code; `ServerError` itself for one that has no class."""
    return _CLASSES.get(code, ServerError)(code, path, zxid)


class MultiFailed(ZooKeeperError):
    """A multi changed nothing, because its operation ``index`` failed with ``error``. ``zxid`` is
    that of the answer."""

    def __init__(self, index: int, error: ServerError, zxid: int = 0) -> None:
        super().__init__(index, error, zxid)
        self.index = index
        self.error = error
        self.zxid = zxid

    def __str__(self) -> str:
        return f"operation {self.index + 1} of the multi failed, so none was done: {self.error}"
