"""One TCP connection to one server, from the greeting to its loss.

Requests are answered in their order, so that what is under way is a queue; a reply that does not
belong to its head means that nothing can be trusted any more, and the connection is dropped.
What is sent within one turn of the event loop goes out in one write: a system call costs more than
all else about a request.

When the connection is lost, however that is found out, everything under way fails at once and in
order. The rest of the class is silent from then on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, NamedTuple, Protocol, TypeVar

from orchestrator.zookeeper.client.watchbook import Listener
from orchestrator.zookeeper.client.window import Window
from orchestrator.zookeeper.jute import frames, wire
from orchestrator.zookeeper.jute.errors import (
    NO_NODE,
    AuthFailed,
    ConnectionLoss,
    FrameError,
    FrameTooLarge,
    MultiFailed,
    ZooKeeperError,
    server_error,
)
from orchestrator.zookeeper.jute.requests import Request
from orchestrator.zookeeper.jute.sessions import Auth, Ping, Welcome, read_welcome
from orchestrator.zookeeper.jute.watches import (
    SetWatches,
    SetWatches2,
    WatchEvent,
    read_event,
)

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
_LATE_S = 0.05
_PING = frames.request_frame(frames.PING_XID, Ping.opcode, b"")


class Answer(NamedTuple, Generic[R_co]):
    """A reply, and how far the server was when it gave it: of a write its own zxid."""

    zxid: int
    reply: R_co


class Under(NamedTuple):
    """A request under way."""

    xid: int
    request: Request[object]
    future: asyncio.Future[Answer[object]]
    listener: Listener | None
    size_bytes: int


class Owner(Protocol):
    """Who is told what a connection hears besides replies."""

    def answered(self, under: Under, found: bool) -> None:
        """A request with a listener was answered; ``found``: not with `NoNode`."""

    def event(self, event: WatchEvent) -> None:
        """A watch fired."""

    def lost(self, connection: Connection, reason: ZooKeeperError) -> None:
        """The connection is gone; told before what was under way fails."""


class Connection(asyncio.Protocol):
    """Requests in, futures out. ``root`` stands before all paths."""

    def __init__(self, owner: Owner, window: Window, root: str, max_reply_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._window = window
        self._root = root
        self._framer = frames.Framer(max_reply_bytes)
        self._transport: asyncio.Transport | None = None
        self._under_way: deque[Under] = deque()
        self._auth: asyncio.Future[None] | None = None
        self._out: list[bytes] = []
        self._xid = 0
        self._heard_at = self._sent_at = self._loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self.zxid = 0
        self.welcome: asyncio.Future[Welcome] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()

    # What the client asks for

    def greet(self, body: bytes) -> None:
        """Open a session: the first frame of a connection; the answer is ``welcome``."""
        self._write(frames.bare_frame(body))

    def send(
        self, request: Request[T], body: bytes, listener: Listener | None = None
    ) -> asyncio.Future[Answer[T]]:
        """Send a request whose body is written already."""
        self._xid = xid = self._xid % frames.LAST_XID + 1
        frame = frames.request_frame(xid, request.opcode, body)
        future: asyncio.Future[Answer[T]] = self._loop.create_future()
        size_bytes = len(frame)
        self._under_way.append(Under(xid, request, future, listener, size_bytes))  # type: ignore[arg-type]  # a future is written by us only
        self._window.take(size_bytes)
        self._write(frame)
        return future

    def authenticate(self, auth: Auth) -> asyncio.Future[None]:
        """Add an identity; one at a time."""
        self._auth = self._loop.create_future()
        self._write(frames.request_frame(frames.AUTH_XID, auth.opcode, auth.encode("")))
        return self._auth

    def set_watches(self, request: SetWatches | SetWatches2) -> None:
        """Set watches again; if that fails, the connection is lost."""
        body = request.encode(self._root)
        self._write(frames.request_frame(frames.SET_WATCHES_XID, request.opcode, body))

    def keep_alive(self, timeout_s: float) -> None:
        """Send pings when nothing else is sent, and give up when nothing is heard for two thirds
        of the session's timeout: the last third is for finding another server."""
        self._heard_at = self._loop.time()
        self._check(timeout_s, given_a_turn=False)

    def lose(self, reason: ZooKeeperError) -> None:
        """Give the connection up; whatever is under way fails with the reason."""
        if self.gone.done():
            return
        self.gone.set_result(None)
        if self._beat is not None:
            self._beat.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._owner.lost(self, reason)
        self._fail_all(reason)

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._out:
            self._flush()

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._heard_at = self._loop.time()
        try:
            for frame in self._framer.feed(data):
                if self.gone.done():
                    return
                self._receive(frame)
        except FrameTooLarge as error:
            self._fail_head(error)
            self.lose(ConnectionLoss(str(error)))
        except FrameError as error:
            self.lose(ConnectionLoss(str(error)))

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed, by either side."""
        why = f": {error}" if error else ""
        self.lose(ConnectionLoss(f"the server closed the connection{why}"))

    # Sending

    def _write(self, frame: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        if self._transport is None or self.gone.done() or not self._out:
            return
        out, self._out = self._out, []
        self._sent_at = self._loop.time()
        self._transport.write(b"".join(out))

    def _check(self, timeout_s: float, given_a_turn: bool) -> None:
        now = self._loop.time()
        silence_s = now - self._heard_at
        if silence_s >= timeout_s * 2 / 3:
            if given_a_turn:  # what was received while this process stood still has been read
                self.lose(ConnectionLoss(f"nothing was heard for {silence_s:.1f} s"))
            else:
                self._beat = self._loop.call_later(_LATE_S, self._check, timeout_s, True)
            return
        if now - self._sent_at >= timeout_s / 6:
            self._write(_PING)
        self._beat = self._loop.call_later(timeout_s / 6, self._check, timeout_s, False)

    # Receiving

    def _receive(self, frame: bytes) -> None:
        if not self.welcome.done():
            self.welcome.set_result(read_welcome(frame))
            return
        header = frames.read_reply_header(frame)
        xid, zxid, code = header
        if zxid > self.zxid and xid != frames.EVENT_XID:
            self.zxid = zxid
        if xid > 0:
            self._reply(header, frame)
        elif xid == frames.EVENT_XID:
            self._owner.event(read_event(frame, frames.REPLY_BYTES, self._root, zxid))
        elif xid == frames.AUTH_XID:
            self._authenticated(code)
        elif xid == frames.SET_WATCHES_XID and code:
            self.lose(ConnectionLoss(f"watches could not be set again: {server_error(code)}"))

    def _authenticated(self, code: int) -> None:
        if self._auth is None or self._auth.done():
            return
        if code:
            self._auth.set_exception(AuthFailed(code))
        else:
            self._auth.set_result(None)

    def _reply(self, header: frames.ReplyHeader, frame: bytes) -> None:
        if not self._under_way or self._under_way[0].xid != header.xid:
            raise FrameError(f"a reply to request {header.xid} came out of order")
        under = self._under_way.popleft()
        self._window.give(under.size_bytes)
        if under.listener is not None:
            self._listened(under, header.error)
        if under.future.done():  # cancelled by who asked
            return
        if header.error:
            path = getattr(under.request, "path", "")
            under.future.set_exception(server_error(header.error, path, header.zxid))
        else:
            self._answer(under, header.zxid, frame)

    def _listened(self, under: Under, code: int) -> None:
        if code in (0, NO_NODE):
            self._owner.answered(under, found=code == 0)

    def _answer(self, under: Under, zxid: int, frame: bytes) -> None:
        future = under.future
        try:
            future.set_result(
                Answer(zxid, under.request.read(frame, frames.REPLY_BYTES, self._root))
            )
        except MultiFailed as error:
            error.zxid = error.error.zxid = zxid
            future.set_exception(error)
        except FrameError as error:
            future.set_exception(error)
            raise
        except wire.BROKEN as error:
            future.set_exception(wire.broken(error))
            raise wire.broken(error) from error

    # Failing

    def _fail_head(self, error: ZooKeeperError) -> None:
        if self._under_way and not self._under_way[0].future.done():
            self._under_way[0].future.set_exception(error)

    def _fail_all(self, reason: ZooKeeperError) -> None:
        for future in (self.welcome, self._auth):
            if future is not None and not future.done():
                future.set_exception(reason)
                future.exception()  # whoever awaits it gets it; nobody need to
        while self._under_way:
            under = self._under_way.popleft()
            self._window.give(under.size_bytes)
            if not under.future.done():
                under.future.set_exception(reason)
