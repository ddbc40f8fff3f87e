"""What opens, proves, keeps and ends a session."""

from __future__ import annotations

import struct
from typing import NamedTuple

import msgspec

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.request import Request

NO_PASSWORD = bytes(16)
_HELLO = struct.Struct(">iqiq")
_WELCOME = struct.Struct(">iiq")


class Session(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A session, and what takes it up again: who knows the password is its owner. ``zxid`` is the
    newest that its owner has seen; servers that are behind it refuse the session."""

    id: int
    password: bytes
    timeout_ms: int
    zxid: int = 0

    def __repr__(self) -> str:
        return f"Session({self.name}, {self.timeout_ms} ms)"

    @property
    def name(self) -> str:
        """As servers write it in their logs."""
        return f"0x{self.id & 0xFFFFFFFFFFFFFFFF:x}"


class Welcome(NamedTuple):
    """A server's first words. ``timeout_ms`` 0: the session that was asked for has expired."""

    session_id: int
    password: bytes
    timeout_ms: int
    read_only: bool


def hello(session: Session) -> bytes:
    """The frame's body that opens a session (id 0) or takes one up again. A server without a
    quorum is told that this client does not want it: it hangs up."""
    opening = _HELLO.pack(0, session.zxid, session.timeout_ms, session.id)
    return opening + wire.buffer(session.password) + b"\x00"


def read_welcome(frame: bytes) -> Welcome:
    """Raises FrameError. Servers before 3.4 end it without the last field."""
    with wire.decoding():
        _, timeout_ms, session_id = _WELCOME.unpack_from(frame)
        password, at = wire.read_buffer(frame, _WELCOME.size)
        return Welcome(session_id, password or b"", timeout_ms, frame[at : at + 1] == b"\x01")


class Ping(Request[None], frozen=True, gc=False):
    """Keeps a session alive; answered in order, so that it also tells how far a server is."""

    opcode = 11

    def encode(self, root: str) -> bytes:
        """Nothing."""
        return b""

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class CloseSession(Request[None], frozen=True, gc=False):
    """Ends the session and its ephemeral nodes."""

    opcode = -11

    def encode(self, root: str) -> bytes:
        """Nothing."""
        return b""

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class Auth(Request[None], frozen=True, gc=False):
    """Adds an identity to the connection: scheme ``digest`` with ``user:password``."""

    opcode = 100
    scheme: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Auth({self.scheme!r})"

    def encode(self, root: str) -> bytes:
        """Type (unused), scheme, secret."""
        return wire.pack_int(0) + wire.text(self.scheme) + wire.buffer(self.secret)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class Sasl(Request[bytes], frozen=True, gc=False):
    """A step of SASL; the reply is the server's."""

    opcode = 102
    token: bytes

    def __repr__(self) -> str:
        return "Sasl()"

    def encode(self, root: str) -> bytes:
        """The token."""
        return wire.buffer(self.token)

    def read(self, frame: bytes, at: int, root: str) -> bytes:
        """The server's token."""
        return wire.read_buffer(frame, at)[0] or b""


class Identity(NamedTuple):
    """Who the server takes a client for, e.g. ``ip`` and its address."""

    scheme: str
    user: str


class WhoAmI(Request[list[Identity]], frozen=True, gc=False):
    """All identities of the connection (3.7)."""

    opcode = 107

    def encode(self, root: str) -> bytes:
        """Nothing."""
        return b""

    def read(self, frame: bytes, at: int, root: str) -> list[Identity]:
        """The identities."""
        return wire.read_vector(frame, at, _read_identity)[0]


def _read_identity(frame: bytes, at: int) -> tuple[Identity, int]:
    scheme, at = wire.read_text(frame, at)
    user, at = wire.read_text(frame, at)
    return Identity(scheme, user), at
