"""Those who watch views, and the frames they get.

All who watch the same view through the same filter share a ``Channel``: what changed is found and
written once a tick, however many they are. A watcher that does not take its frames in time gets a
reset instead of an ever longer queue. Views and channels that nobody asked for in a while are
dropped; the next who asks builds them again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, Future

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.render import query as queries
from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.frames import Writer
from orchestrator.monitoring.render.layout import Layout
from orchestrator.monitoring.render.live import LiveView, Touched
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.query import Query
from orchestrator.monitoring.render.selection import Selection, Shown
from orchestrator.monitoring.render.views import VIEWS, View

MAX_CHANNELS = 64
MANY_NODES = 500  # fewer are laid out in some milliseconds
MAX_QUEUED_BYTES = 4 * 1024 * 1024
MAX_QUEUED_FRAMES = 30
_IDLE_S = 60.0


class TooManyError(Exception):
    """No more can be watched; the text is one sentence."""


class Watcher:
    """One who watches: frames that wait to be sent."""

    def __init__(self, channel: Channel, counts: Counts) -> None:
        self._channel = channel
        self._counts = counts
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._needs_reset = True
        self._has_news = asyncio.Event()
        self._has_news.set()

    @property
    def has_next(self) -> bool:
        """Whether ``next`` has something at once."""
        return bool(self._queue) or self._needs_reset

    def offer(self, frame: bytes) -> None:
        """One more frame; if there are too many, a reset instead of all of them."""
        if self._needs_reset:
            return
        self._queue.append(frame)
        self._bytes += len(frame)
        if self._bytes > MAX_QUEUED_BYTES or len(self._queue) > MAX_QUEUED_FRAMES:
            self._queue.clear()
            self._bytes = 0
            self._needs_reset = True
            self._counts.slow_watchers += 1
        self._has_news.set()

    async def next(self) -> bytes:
        """The next frame; waits for it."""
        while not self.has_next:
            self._has_news.clear()
            await self._has_news.wait()
        if self._needs_reset:
            self._needs_reset = False
            frame = self._channel.writer.reset()
        else:
            frame = self._queue.popleft()
            self._bytes -= len(frame)
        self._counts.frames_sent += 1
        return frame


class Channel:
    """A view through a filter, with its places and frames.

    Where many nodes have to be laid out anew, that is done beside the loop, if there is an
    executor: they are shown without places, which come with a later frame.
    """

    def __init__(self, live: LiveView, query: Query, executor: Executor | None = None) -> None:
        self.live = live
        self.layout = Layout()
        self._executor = executor
        self._laying_out: Future[Layout] | None = None
        self.writer = Writer()
        self.watchers: set[Watcher] = set()
        self.used_at = 0.0
        self.shown = Shown({}, {})
        self._selection = Selection(query)
        self._is_begun = False

    def tick(self, picture: Picture, touched: Touched, now: float) -> bytes | None:
        """Follow the view, which has just been refreshed; the next frame if there is one."""
        is_narrow = self._is_begun and not self._selection.query
        self.shown = self._selection.of(self.live, picture)
        moved = self._arrange()
        self._is_begun = True
        return self.writer.tick(
            self.shown, self.layout.places, moved, now, touched if is_narrow else None
        )

    async def whole_layout(self) -> Layout:
        """The places of all; waits for those that are being found."""
        if self._laying_out is None:
            return self.layout
        return await asyncio.shield(asyncio.wrap_future(self._laying_out))

    def _arrange(self) -> set[str]:
        """Follow the nodes; returns those with new places."""
        moved: set[str] = set()
        if self._laying_out is not None:
            if not self._laying_out.done():
                return moved
            before, self.layout = self.layout.places, self._laying_out.result()
            self._laying_out = None
            moved = {id for id, one in self.layout.places.items() if before.get(id) != one}
        cards, edges = self.shown
        if self._executor is None or len(cards) < MANY_NODES or not self.layout.needs_all(cards):
            return moved | self.layout.update(cards, edges)
        self._laying_out = self._executor.submit(_laid_out, dict(cards), list(edges))
        return moved


def _laid_out(cards: Mapping[str, Card], edges: list[Pair]) -> Layout:
    layout = Layout()
    layout.update(cards, edges)
    return layout


class Watching:
    """All views that somebody has asked for lately."""

    def __init__(
        self,
        picture: Picture,
        counts: Counts,
        max_watchers: int,
        executor: Executor | None = None,
    ) -> None:
        self._executor = executor
        self._picture = picture
        self._counts = counts
        self._max_watchers = max_watchers
        self._views: dict[str, LiveView] = {}
        self._used_at: dict[str, float] = {}
        self._touched: dict[str, Touched] = {}
        self._channels: dict[tuple[str, str], Channel] = {}

    @property
    def watchers(self) -> int:
        """How many there are."""
        return sum(len(channel.watchers) for channel in self._channels.values())

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self._channels)

    def live(self, view: View, now: float) -> LiveView:
        """A view as of now."""
        self._used_at[view.name] = now
        return self._refreshed(view)

    def channel(self, view: View, query: Query, now: float) -> Channel:
        """A view through a filter, as of its last tick. Raises TooManyError."""
        key = (view.name, queries.write(query))
        channel = self._channels.get(key)
        if channel is None:
            if len(self._channels) >= MAX_CHANNELS:
                self._drop_unwatched()
            channel = Channel(self.live(view, now), query, self._executor)
            channel.tick(self._picture, Touched(set(), set()), now)
            self._channels[key] = channel
        self._used_at[view.name] = channel.used_at = now
        return channel

    def watch(self, view: View, query: Query, now: float) -> tuple[Channel, Watcher]:
        """Begin to watch. Raises TooManyError."""
        if self.watchers >= self._max_watchers:
            raise TooManyError(f"{self._max_watchers} watch already: raise --max-watchers")
        channel = self.channel(view, query, now)
        watcher = Watcher(channel, self._counts)
        channel.watchers.add(watcher)
        return channel, watcher

    def leave(self, channel: Channel, watcher: Watcher, now: float) -> None:
        """Watch no more."""
        channel.watchers.discard(watcher)
        channel.used_at = now

    def tick(self, now: float) -> None:
        """Bring everything up to date, and tell those who watch."""
        self._drop_idle(now)
        for name in {name for name, _ in self._channels}:
            self._refreshed(VIEWS[name])
        for (name, _), channel in self._channels.items():
            frame = channel.tick(self._picture, self._touched[name], now)
            if frame is not None:
                self._counts.frames += 1
                self._counts.frame_bytes += len(frame)
                for watcher in channel.watchers:
                    watcher.offer(frame)
        self._touched.clear()

    def _refreshed(self, view: View) -> LiveView:
        """What it touched is kept for the channels until the tick."""
        live = self._views.get(view.name)
        if live is None:
            live = self._views[view.name] = LiveView(view)
        touched = live.refresh(self._picture)
        kept = self._touched.setdefault(view.name, Touched(set(), set()))
        kept.cards.update(touched.cards)
        kept.edges.update(touched.edges)
        return live

    def _drop_unwatched(self) -> None:
        """The one that nobody has asked for in the longest time. Raises TooManyError."""
        unwatched = [key for key, channel in self._channels.items() if not channel.watchers]
        if not unwatched:
            raise TooManyError(f"{MAX_CHANNELS} different views and filters are watched already")
        del self._channels[min(unwatched, key=lambda key: self._channels[key].used_at)]

    def _drop_idle(self, now: float) -> None:
        for key, channel in list(self._channels.items()):
            if not channel.watchers and now - channel.used_at > _IDLE_S:
                del self._channels[key]
        watched = {name for name, _ in self._channels}
        for name in list(self._views):
            if name not in watched and now - self._used_at.get(name, 0.0) > _IDLE_S:
                del self._views[name]
                self._touched.pop(name, None)
