"""How a client's session stands, as its owner is told."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.zookeeper.jute.errors import (
    AuthenticationFailed,
    ClientClosed,
    ConnectionLoss,
    SessionExpired,
    ZooKeeperError,
)
from orchestrator.zookeeper.jute.sessions import Session


class Connected(NamedTuple):
    """Requests are taken. ``resumed``: the session is the one from before, with its ephemeral
    nodes; else it is new. ``server`` is ``host:port``."""

    session: Session
    server: str
    resumed: bool


class Disconnected(NamedTuple):
    """Nothing gets through for now; the client tries one server after the other. ``reason`` is a
    sentence about the last try."""

    reason: str


class Expired(NamedTuple):
    """The ensemble ended the session. The last word, unless the client may renew it."""

    session: Session


class Failed(NamedTuple):
    """Trying again would change nothing (credentials are wrong): the last word."""

    reason: str


class Closed(NamedTuple):
    """The client was closed by its owner: the last word."""


State = Connected | Disconnected | Expired | Failed | Closed
LAST_WORDS = (Expired, Failed, Closed)


def refusal(state: State) -> ZooKeeperError:
    """Why a request cannot be sent in this state."""
    match state:
        case Expired(session):
            return SessionExpired(f"session {session.name} has expired")
        case Failed(reason):
            return AuthenticationFailed(reason)
        case Closed():
            return ClientClosed("the client was closed")
        case Disconnected(reason):
            return ConnectionLoss(f"not connected: {reason}")
        case Connected():
            return ConnectionLoss("the connection is just being lost")
