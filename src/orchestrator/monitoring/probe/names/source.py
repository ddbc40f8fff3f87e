"""Looks names up between reports, a few at a time, and remembers them for a while."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Iterable

from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Connection, ids

MAX_NAMES = 5000
AT_A_TIME = 4
_GOOD_S = 3600.0
_LOOKUP_S = 5.0


def source(_: Setup) -> Source:
    """The source."""
    names = Names()
    return Source("names", tagger=names, ticker=names)


def addresses_of(connections: Iterable[Connection]) -> set[str]:
    """Addresses that mean something outside of the machine; pure."""
    ends = {end for one in connections for end in (one.source, one.target)}
    found = {ids.parse_endpoint(end) for end in ends}
    return {end.ip for end in found if end is not None and not end.scope}


class Names:
    """Tagger with names."""

    period_s = 5.0

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._wanted: dict[str, None] = {}

    def tag(self, parts: Parts, now: float) -> None:
        """Add the names that are known, and want the others."""
        self._wanted = {}
        for ip in addresses_of(parts.connections):
            at, name = self._known.get(ip, (0.0, ""))
            if name:
                parts.names[ip] = [name]
            if now - at > _GOOD_S and len(self._wanted) < MAX_NAMES:
                self._wanted[ip] = None

    async def tick(self, now: float) -> None:
        """Look up some of those that are wanted; no name is an answer, too."""
        for ip in list(self._wanted)[:AT_A_TIME]:
            name = await _look_up(ip)  # one after the other: each at once would be a thread
            self._wanted.pop(ip, None)
            self._known[ip] = (now, name)
            self._known.move_to_end(ip)
        while len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)


async def _look_up(ip: str) -> str:
    try:
        async with asyncio.timeout(_LOOKUP_S):
            name, _ = await asyncio.get_running_loop().getnameinfo((ip, 0), socket.NI_NAMEREQD)
    except (OSError, TimeoutError, UnicodeError):
        return ""
    return name[:512]
