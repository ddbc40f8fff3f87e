"""What goes over the bus and what can go wrong there, without the library that speaks to it.

An app without a bus never loads ``link``: with what it imports that is 11 MB.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from orchestrator.runtime.config import ConfigError


class Sent(NamedTuple):
    """A report as it came to one of the replicas."""

    data: bytes
    media_type: str
    encoding: str


class BusError(Exception):
    """No answer over the bus; the text is the reason."""


class NobodyListensError(BusError):
    """No replica offers what was asked for."""


def check(url: str) -> None:
    """Raise ConfigError unless it is the URL of a NATS server, or several with commas between."""
    for one in url.split(","):
        parts = urlsplit(one)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            shown = without_secrets(one)
            raise ConfigError(
                f"--bus {shown!r} is no address of NATS: it looks like nats://host:4222"
            )


def without_secrets(url: str) -> str:
    """As it may be logged."""
    parts = [urlsplit(one) for one in url.split(",")]
    return ",".join(f"{one.scheme}://{one.netloc.rpartition('@')[2]}" for one in parts)
