"""What every request is."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import msgspec

R_co = TypeVar("R_co", covariant=True)


class Request(msgspec.Struct, Generic[R_co], frozen=True, gc=False):
    """What a client asks of a server, and how it reads the reply (of type ``R_co``)."""

    opcode: ClassVar[int] = 0

    def encode(self, root: str) -> bytes:
        """The body. Raises struct.error or UnicodeEncodeError for what jute cannot hold."""
        raise NotImplementedError

    def read(self, frame: bytes, at: int, root: str) -> R_co:
        """The reply's body, from ``at``. Raises what `wire.decoding` makes a FrameError."""
        raise NotImplementedError
