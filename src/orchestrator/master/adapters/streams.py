"""The open ends of the event streams and of the agents' links, and the effects sent on them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import NamedTuple, assert_never

from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import (
    Announce,
    CloseLink,
    CloseStream,
    Reply,
    Send,
    ToAgent,
    ToFramework,
    ToOperator,
)
from orchestrator.mesos import codec, operator
from orchestrator.mesos.link import FromMaster
from orchestrator.mesos.media import Media
from orchestrator.mesos.scheduler import Event
from orchestrator.runtime.http import Stream


class Link:
    """Messages on their way to one agent; the WebSocket's writer takes them in batches.

    An agent that leaves more than ``max_unread_bytes`` unread is cut off; it reconnects and
    registers again, which tells both sides all they missed.
    """

    def __init__(self, max_unread_bytes: int = 64 * 1024 * 1024) -> None:
        self._queue: list[bytes] = []  # encoded, as only then their size is known
        self._queued_bytes = 0
        self._max_unread_bytes = max_unread_bytes
        self._has_news = asyncio.Event()
        self.is_closing = False

    def send(self, message: FromMaster) -> None:
        """Queue one message."""
        if self.is_closing:
            return
        encoded = codec.encode(message)
        self._queue.append(encoded)
        self._queued_bytes += len(encoded)
        if self._queued_bytes > self._max_unread_bytes:
            self._queue.clear()
            self.is_closing = True
        self._has_news.set()

    def close(self) -> None:
        """End the link once everything queued has been sent."""
        self.is_closing = True
        self._has_news.set()

    async def take(self) -> str:
        """All that is queued as one frame, once there is something; empty when the link ends."""
        while not self._queue and not self.is_closing:
            self._has_news.clear()
            await self._has_news.wait()
        batch, self._queue, self._queued_bytes = self._queue, [], 0
        return f"[{b','.join(batch).decode()}]" if batch else ""


class EventStream(NamedTuple):
    """A stream of events, and the form its reader asked for."""

    stream: Stream
    form: Media

    def send(self, event: Event) -> None:
        """Queue one event."""
        self.stream.send(self.form.encode(event))

    def close(self) -> None:
        """End the stream once everything queued has been sent."""
        self.stream.close()


class Watchers:
    """The operators' streams of events; each begins with an event of its own."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Stream, Media]] = {}
        self._begun: dict[Media, dict[str, Stream]] = {}

    def add(self, name: str, stream: Stream, form: Media) -> None:
        """A stream that waits for its first event."""
        self._waiting[name] = (stream, form)

    def remove(self, name: str) -> None:
        """A stream that has ended."""
        self._waiting.pop(name, None)
        for streams in self._begun.values():
            streams.pop(name, None)

    def begin(self, name: str, event: operator.Event) -> None:
        """Send the first event."""
        if waiting := self._waiting.pop(name, None):
            stream, form = waiting
            stream.send(form.encode(event))
            self._begun.setdefault(form, {})[name] = stream

    def announce(self, event: operator.Event) -> None:
        """Send an event to all that have begun, written once for all of a form."""
        for form, streams in self._begun.items():
            if streams:
                record = form.encode(event)
                for stream in streams.values():
                    stream.send(record)

    def close(self, name: str) -> None:
        """End a stream once everything queued has been sent."""
        for streams in self._begun.values():
            if stream := streams.get(name):
                stream.close()
        if name in self._waiting:
            self._waiting[name][0].close()


class Outlets:
    """The streams and links that are open, by the ids the core knows them by."""

    def __init__(self) -> None:
        self.streams: dict[str, EventStream] = {}
        self.watchers = Watchers()
        self.links: dict[str, Link] = {}
        self.replies: dict[int, asyncio.Future[OperatorError | None]] = {}
        self.tokens = itertools.count()  # names replies

    def perform(self, effect: Send) -> None:
        """Do one send; what is meant for somebody who has gone is dropped."""
        match effect:
            case ToFramework():
                if stream := self.streams.get(effect.stream):
                    stream.send(effect.event)
            case ToAgent():
                if link := self.links.get(effect.link):
                    link.send(effect.message)
            case CloseStream():
                _close(self.streams.get(effect.stream))
                self.watchers.close(effect.stream)
            case CloseLink():
                _close(self.links.get(effect.link))
            case Reply():
                if waiting := self.replies.pop(effect.token, None):
                    waiting.set_result(effect.refusal)
            case ToOperator():
                self.watchers.begin(effect.stream, effect.event)
            case Announce():
                self.watchers.announce(effect.event)
            case _:
                assert_never(effect)


def _close(end: EventStream | Link | None) -> None:
    if end is not None:
        end.close()


IdSource = Callable[[], str]
