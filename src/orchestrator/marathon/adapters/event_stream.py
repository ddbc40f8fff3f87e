"""Server-sent events: everything that happens, to everybody who listens.

Each listener has a bounded queue; one that falls behind is cut off and may come back. A comment
line every few seconds keeps the connections of quiet times alive.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import msgspec

from orchestrator.marathon.adapters.event_ring import EventRing
from orchestrator.marathon.core.events import Happening
from orchestrator.runtime.http import Stream

MAX_LISTENERS = 1000
_MAX_QUEUED_BYTES = 4 * 1024 * 1024
_KEEP_ALIVE_S = 10.0
_KEEP_ALIVE = b":\r\n\r\n"
_GAP = b": events were missed: the last one seen is too old, look at the state anew\r\n\r\n"
EVENTS_MISSED = "events_missed_event"
EXTRA_TYPES = frozenset({EVENTS_MISSED})
"""Event types that Marathon does not have."""
_MISSED = EVENTS_MISSED.encode()
logger = logging.getLogger(__name__)


class Listener:
    """One client of /v2/events; ``types`` are the events it wants, all of Marathon's if none.

    Our own types are sent only to those who name them, or want everything there is
    (``wants_extra``): clients refuse types that they do not know.
    """

    def __init__(self, types: Collection[str], wants_extra: bool = False) -> None:
        self.stream = Stream(_MAX_QUEUED_BYTES)
        self._types = frozenset(types)
        self._wants_extra = wants_extra

    def wants(self, event_type: str) -> bool:
        """Whether events of the type are sent."""
        if self._types:
            return event_type in self._types
        return self._wants_extra or event_type not in EXTRA_TYPES


class EventHub:
    """Knows who listens, and what was said lately."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._ring = EventRing(uuid.uuid4().hex[:8])

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        """Whether there are as many listeners as there may be."""
        return len(self._listeners) >= MAX_LISTENERS

    def add(self, listener: Listener, last_id: str | None = None) -> None:
        """Send events to it from now on; with ``last_id``, those after that one before."""
        self._listeners.add(listener)
        if last_id is None:
            return
        frames = self._ring.after(last_id)
        if frames is None:
            self._tell_of_gap(listener, last_id)
        for frame in frames or ():
            if listener.wants(frame.event_type):
                self._send([listener], frame.data)

    def remove(self, listener: Listener) -> None:
        """Send it nothing more."""
        self._listeners.discard(listener)
        listener.stream.close()

    def publish(self, event: Happening) -> None:
        """Send an event to all who want it; it is written once, for all of them."""
        frame = self._ring.append(event.event_type, msgspec.json.encode(event))
        self._send([one for one in self._listeners if one.wants(event.event_type)], frame.data)

    def _tell_of_gap(self, listener: Listener, last_id: str) -> None:
        """A comment for everybody, which no client minds; an event for those who want ours."""
        self._send([listener], _GAP)
        if listener.wants(EVENTS_MISSED):
            content = msgspec.json.encode({"eventType": EVENTS_MISSED, "lastEventId": last_id})
            self._send([listener], b"event: %b\r\ndata: %b\r\n\r\n" % (_MISSED, content))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EventHub]:
        """Keep connections alive until the context ends; then close them."""
        pulse = asyncio.create_task(self._keep_alive())
        try:
            yield self
        finally:
            pulse.cancel()
            with suppress(asyncio.CancelledError):
                await pulse
            for listener in list(self._listeners):
                self.remove(listener)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE_S)
            self._send(list(self._listeners), _KEEP_ALIVE)

    def _send(self, listeners: Collection[Listener], frame: bytes) -> None:
        for listener in listeners:
            if not listener.stream.send(frame):
                self._listeners.discard(listener)
