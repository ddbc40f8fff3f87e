"""What the master is told and what it asks for.

``FrameworkCall`` carries calls that admission (``adapters.scheduler_api``) has let through: the
framework is known, subscribed and used its own stream. Streams and links are named by opaque ids
that the shell gave them.
"""

from __future__ import annotations

import msgspec

from orchestrator.master.core.commands import OperatorCommand
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import operator
from orchestrator.mesos.link import FromAgent, FromMaster, Register
from orchestrator.mesos.scheduler import Call, Event, OfferConstraints
from orchestrator.mesos.types import FrameworkInfo
from orchestrator.runtime.machine import Save


class FrameworkSubscribed(msgspec.Struct, frozen=True):
    """A framework opened an event stream."""

    stream: str
    info: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()
    constraints: OfferConstraints | None = None


class StreamClosed(msgspec.Struct, frozen=True):
    """An event stream ended, from whichever side."""

    stream: str


class FrameworkCall(msgspec.Struct, frozen=True):
    """A subscribed framework made a call other than SUBSCRIBE."""

    call: Call


class AgentRegistered(msgspec.Struct, frozen=True):
    """An agent opened a link and introduced itself."""

    link: str
    register: Register
    ip: str


class AgentSaid(msgspec.Struct, frozen=True):
    """A message on a link that is not the first."""

    link: str
    message: FromAgent


class LinkClosed(msgspec.Struct, frozen=True):
    """A link to an agent ended, from whichever side."""

    link: str


class Operated(msgspec.Struct, frozen=True):
    """An operator asked for a change; it is answered with Reply under the same token."""

    token: int
    command: OperatorCommand


class OperatorSubscribed(msgspec.Struct, frozen=True):
    """An operator opened an event stream."""

    stream: str


class OperatorUnsubscribed(msgspec.Struct, frozen=True):
    """An operator's event stream ended, from whichever side."""

    stream: str


Input = (
    FrameworkSubscribed
    | StreamClosed
    | FrameworkCall
    | AgentRegistered
    | AgentSaid
    | LinkClosed
    | Operated
    | OperatorSubscribed
    | OperatorUnsubscribed
)


class ToFramework(msgspec.Struct, frozen=True):
    """Send an event on a stream, unless the stream has ended."""

    stream: str
    event: Event


class CloseStream(msgspec.Struct, frozen=True):
    """End a stream once what was sent on it is out."""

    stream: str


class ToAgent(msgspec.Struct, frozen=True):
    """Send a message on a link, unless the link has ended."""

    link: str
    message: FromMaster


class CloseLink(msgspec.Struct, frozen=True):
    """End a link once what was sent on it is out."""

    link: str


class Reply(msgspec.Struct, frozen=True):
    """Answer an operator: done, or why not."""

    token: int
    refusal: OperatorError | None = None


class ToOperator(msgspec.Struct, frozen=True):
    """Begin an operator's stream with its first event, unless the stream has ended."""

    stream: str
    event: operator.Event


class Announce(msgspec.Struct, frozen=True):
    """Send an event on all operators' streams that have begun."""

    event: operator.Event


Send = ToFramework | CloseStream | ToAgent | CloseLink | Reply | ToOperator | Announce
Effect = Save | Send
