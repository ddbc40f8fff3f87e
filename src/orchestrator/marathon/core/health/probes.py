"""Tries of tasks over the network: what the core asks for, and what came of it.

The core says whom to try and when, and what an answer means; the shell only makes the try. Every
probe is answered by one ``Probed`` with the same key, within its timeout.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Purpose(StrEnum):
    """What an answer is wanted for."""

    HEALTH = "health"
    READINESS = "readiness"


class ProbeKey(msgspec.Struct, frozen=True):
    """Which check of which task; a task's next launch has another id."""

    purpose: Purpose
    task_id: str
    index: int = 0


class HttpRequest(msgspec.Struct, frozen=True):
    """A GET. No certificate is verified, no redirection followed."""

    host: str
    port: int
    path: str = "/"
    is_secure: bool = False
    is_ipv6: bool = False
    wants_body: bool = False

    @property
    def url(self) -> str:
        """For people to read."""
        scheme = "https" if self.is_secure else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{self.path}"


class TcpRequest(msgspec.Struct, frozen=True):
    """A connection, closed again at once."""

    host: str
    port: int
    is_ipv6: bool = False


ProbeRequest = HttpRequest | TcpRequest


class Probe(msgspec.Struct, frozen=True):
    """An effect: make this try."""

    key: ProbeKey
    request: ProbeRequest
    timeout_s: float


class HttpAnswer(msgspec.Struct, frozen=True):
    """What was answered; the body (its beginning) only where it was wanted."""

    status: int
    content_type: str = ""
    body: str = ""


class Connected(msgspec.Struct, frozen=True):
    """The connection was accepted."""


class NoAnswer(msgspec.Struct, frozen=True):
    """The task did not answer; ``cause`` is a sentence."""

    cause: str


class NotTried(msgspec.Struct, frozen=True):
    """The try could not be made for a reason of our own, so it says nothing about the task."""

    cause: str


Answer = HttpAnswer | Connected | NoAnswer | NotTried


class Probed(msgspec.Struct, frozen=True):
    """What came of a probe."""

    key: ProbeKey
    answer: Answer
