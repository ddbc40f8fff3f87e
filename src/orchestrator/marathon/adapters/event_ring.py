"""The most recent events, so that a listener who was away for a moment misses nothing.

Every event has an id, ``<process>-<number>``. A listener that comes back with the id of the last
event it has seen (``Last-Event-ID``, as browsers and SSE libraries send by themselves) is given all
that came after it, as long as it is still here.
"""

from __future__ import annotations

from collections import deque

import msgspec

MAX_EVENTS = 20_000
MAX_BYTES = 3 * 1024 * 1024  # less than a listener's queue holds, or a resumption would cut it off


class Frame(msgspec.Struct, frozen=True, gc=False):
    """An event as it is sent."""

    number: int
    event_type: str
    data: bytes


class EventRing:
    """Frames in order, of the process with this name; the oldest go when there are too many."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._frames: deque[Frame] = deque()
        self._size = 0
        self._next = 1

    def append(self, event_type: str, body: bytes) -> Frame:
        """Keep an event; returns it with its id."""
        data = b"event: %b\r\ndata: %b\r\nid: %b-%d\r\n\r\n" % (
            event_type.encode(), body, self._process.encode(), self._next,
        )  # fmt: skip
        frame = Frame(self._next, event_type, data)
        self._next += 1
        self._frames.append(frame)
        self._size += len(data)
        while self._size > MAX_BYTES or len(self._frames) > MAX_EVENTS:
            self._size -= len(self._frames.popleft().data)
        return frame

    def after(self, last_id: str) -> list[Frame] | None:
        """All events after the one with this id; None if some of them are not here any more."""
        process, _, text = last_id.rpartition("-")
        number = int(text[:18]) if text.isascii() and text.isdigit() else -1
        if process != self._process or not self._oldest - 1 <= number < self._next:
            return None
        return [frame for frame in self._frames if frame.number > number]

    @property
    def _oldest(self) -> int:
        return self._frames[0].number if self._frames else self._next
