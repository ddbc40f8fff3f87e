"""What happened, in order: kept as it is, put into words only when somebody wants to read it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum
from hashlib import sha256
from typing import get_args

import msgspec

from orchestrator.mesos.link import FromAgent, FromMaster
from orchestrator.mesos.types import CommandInfo
from orchestrator.simulator.kernel import Kernel

WIDTH = 220
_QUIET = ("Ping()", "Pong()", "(HEARTBEAT)")
_NAMED = frozenset(t.__name__ for union in (FromAgent, FromMaster) for t in get_args(union))


class Trace:
    """The last ``size`` things that happened (all of them for None)."""

    def __init__(self, kernel: Kernel, size: int | None) -> None:
        self._kernel = kernel
        self._entries: deque[tuple[float, str, str, object]] = deque(maxlen=size)

    def note(self, node: str, sign: str, what: object) -> None:
        """``<`` came in, ``>`` went out, ``!`` went wrong."""
        self._entries.append((self._kernel.now, node, sign, what))

    def lines(self) -> Iterator[str]:
        """One line for each, without pings and heartbeats."""
        for now, node, sign, what in self._entries:
            text = describe(what)
            if not text.endswith(_QUIET):
                yield f"{now:11.4f}  {node:<10} {sign} {text}"[:WIDTH]

    def digest(self) -> str:
        """Tells two runs apart."""
        digest = sha256()
        for entry in self._entries:
            digest.update(repr(entry).encode())
        return digest.hexdigest()


def describe(what: object) -> str:
    """An event or effect in a line: its type, and what is set in it."""
    if isinstance(what, str):
        return what
    return f"{type(what).__name__} {_fields(what)}".rstrip()


def _fields(struct: object) -> str:
    if not isinstance(struct, msgspec.Struct):
        return _value(struct)
    shown = []
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if (
            field.name in _DULL
            or isinstance(value, CommandInfo)
            or value in (field.default, None, [], {})
        ):
            continue
        text = _value(value)
        shown.append(text if field.name in _NAMELESS else f"{field.name}={text}")
    return " ".join(shown)


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, msgspec.Struct):
        only = getattr(value, "value", None)
        name = type(value).__name__ if type(value).__name__ in _NAMED else ""
        return str(only) if isinstance(only, str) else f"{name}({_fields(value)})"
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


_NAMELESS = frozenset(
    {"type", "message", "event", "call", "value", "container_id", "link", "stream"}
)
_DULL = frozenset(
    {
        "resources", "attributes", "hostname", "url", "capabilities", "master_info",
        "master", "source", "timestamp", "container_status", "statuses", "allocation_info",
        "executor_id", "version", "user", "limits",
    }
)  # fmt: skip
