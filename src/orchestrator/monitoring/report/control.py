"""The control channel: one WebSocket that the probe opens, so that no port of a machine is open.

Every frame is binary, one msgpack message of the unions below, tagged by ``type``. The app sends
``Request``s, each with an id of its own; the probe answers each with one ``Response``, in any order
and within ``timeout_s``. A control that goes on (logs, exec, attach) is answered with ``streams``
true, and from then on its id names the stream, until either side says ``End``.

A stream never fills a channel: a side may send ``INITIAL_CREDIT_BYTES`` of data on a stream, and
as many more as the other side gives it with a credit, which it does as it gets rid of them. So a
terminal stays quick while a log is followed by somebody on a slow line. Data without credit ends
the stream. The app pings (``Ping``) every ``PING_S``; a side that hears nothing for three times as
long closes the channel, which ends all streams. The probe then opens it anew, with back-off.

The app closes the channel with code 4401 (the token is not good), 4409 (another instance with this
id started later) or 4400 (a frame was no message); the reason is a sentence.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from orchestrator.monitoring.report.model import Key, NodeId, Text, Topology, Wire

INITIAL_CREDIT_BYTES: Final = 256 * 1024
MAX_DATA_BYTES: Final = 64 * 1024
PING_S: Final = 10.0
UNAUTHORIZED: Final = 4401
SUPERSEDED: Final = 4409
MALFORMED: Final = 4400

START: Final = "start"
STOP: Final = "stop"
RESTART: Final = "restart"
PAUSE: Final = "pause"
UNPAUSE: Final = "unpause"
REMOVE: Final = "remove"
KILL: Final = "kill"
"""Of containers; kill also of processes (arguments: ``signal``, TERM if absent), remove of pods."""
SCALE_UP: Final = "scale_up"
SCALE_DOWN: Final = "scale_down"
"""Of deployments: one more replica, or one less."""
INSPECT: Final = "inspect"
"""Answered with the whole description as JSON in ``Response.result``."""
LOGS: Final = "logs"
"""Streams; arguments: ``tail`` (lines, "100"), ``follow`` ("true"), ``timestamps``; of pods also
``container`` (its first if absent)."""
EXEC: Final = "exec"
"""Streams, with a terminal; arguments: ``command`` (run by a shell), ``rows``, ``columns``."""
ATTACH: Final = "attach"
"""Streams what the container's main process reads and writes."""

CONTROLS: Final = (
    START,
    STOP,
    RESTART,
    PAUSE,
    UNPAUSE,
    REMOVE,
    KILL,
    SCALE_UP,
    SCALE_DOWN,
    INSPECT,
    LOGS,
    EXEC,
    ATTACH,
)
"""Controls that the app knows by name; a plug-in may offer others."""
STREAMING: Final = (LOGS, EXEC, ATTACH)

Data = Annotated[bytes, Meta(max_length=MAX_DATA_BYTES)]
Id = Annotated[int, Meta(ge=1, le=2**53)]
Size = Annotated[int, Meta(ge=1, le=10_000)]
Arguments = Annotated[dict[Key, Text], Meta(max_length=32)]
"""Of a control; which there are is said where it is named."""


class AppMessage(Wire, frozen=True, tag_field="type"):
    """What the app says."""


class ProbeMessage(Wire, frozen=True, tag_field="type"):
    """What the probe says."""


class Request(AppMessage, frozen=True, tag="request"):
    """Asks for one control of one node."""

    id: Id
    topology: Topology
    node_id: NodeId
    control: Key
    arguments: Arguments = {}
    user: str = ""
    """Who asks, for the probe's own log."""
    timeout_s: float = 30.0


class Input(AppMessage, frozen=True, tag="input"):
    """What the user types."""

    stream: Id
    data: Data


class Resize(AppMessage, frozen=True, tag="resize"):
    """The user's terminal has another size now."""

    stream: Id
    rows: Size
    columns: Size


class AppCredit(AppMessage, frozen=True, tag="credit"):
    """The probe may send so many more bytes of this stream."""

    stream: Id
    bytes: Annotated[int, Meta(ge=1, le=16 * 1024 * 1024)]


class AppEnd(AppMessage, frozen=True, tag="end"):
    """The user is gone: end what the stream belongs to. A stream that is unknown is no error."""

    stream: Id


class Ping(AppMessage, frozen=True, tag="ping"):
    """Asks for a pong."""


class Response(ProbeMessage, frozen=True, tag="response"):
    """Answers the request with this id."""

    id: Id
    problem: Text = ""
    """Why it was not done, one sentence; empty if it was."""
    result: Annotated[str, Meta(max_length=4 * 1024 * 1024)] = ""
    """What the control answers, as JSON or text."""
    streams: bool = False


class Output(ProbeMessage, frozen=True, tag="output"):
    """What was written; with a terminal everything is "stdout"."""

    stream: Id
    data: Data
    channel: Literal["stdout", "stderr"] = "stdout"


class ProbeCredit(ProbeMessage, frozen=True, tag="credit"):
    """The app may send so many more bytes of this stream."""

    stream: Id
    bytes: Annotated[int, Meta(ge=1, le=16 * 1024 * 1024)]


class ProbeEnd(ProbeMessage, frozen=True, tag="end"):
    """The stream is over."""

    stream: Id
    problem: Text = ""
    exit_code: int | None = None


class Pong(ProbeMessage, frozen=True, tag="pong"):
    """Answers a ping."""


FromApp = Request | Input | Resize | AppCredit | AppEnd | Ping
FromProbe = Response | Output | ProbeCredit | ProbeEnd | Pong

_encoder = msgspec.msgpack.Encoder()
_from_app: msgspec.msgpack.Decoder[FromApp] = msgspec.msgpack.Decoder(FromApp)
_from_probe: msgspec.msgpack.Decoder[FromProbe] = msgspec.msgpack.Decoder(FromProbe)


class ControlError(ValueError):
    """A frame is no message; the text is one sentence."""


def encode(message: FromApp | FromProbe) -> bytes:
    """One frame."""
    return _encoder.encode(message)


def decode_from_app(frame: bytes) -> FromApp:
    """Read a frame, as a probe does. Raises ControlError."""
    try:
        return _from_app.decode(frame)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ControlError(f"this is no message of the app: {error}") from None


def decode_from_probe(frame: bytes) -> FromProbe:
    """Read a frame, as the app does. Raises ControlError."""
    try:
        return _from_probe.decode(frame)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ControlError(f"this is no message of a probe: {error}") from None
