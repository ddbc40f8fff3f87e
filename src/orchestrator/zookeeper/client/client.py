"""A session with an ensemble, over one connection after the other.

One task looks for a server, greets it, and waits until the connection is lost; requests do without
tasks. A request is never sent twice: when a connection is lost, whoever asked is told, and knows
best what to do. The session itself goes on: the next server is given its id and password. What is
said of it is a `states.State`, to callbacks (`Client.listen`) and iterators (`Client.states`).

`Client.session` can be kept, and given to a client of the next process, which then goes on in the
same session, if it comes before the timeout.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

import msgspec

from orchestrator.zookeeper.client import opening, states
from orchestrator.zookeeper.client.connection import Answer, Connection, Under
from orchestrator.zookeeper.client.operations import Operations
from orchestrator.zookeeper.client.servers import Servers
from orchestrator.zookeeper.client.settings import ClientSettings
from orchestrator.zookeeper.client.states import Connected, Disconnected, State
from orchestrator.zookeeper.client.watchbook import Gap, Listener, WatchBook, kind_of
from orchestrator.zookeeper.client.window import Window
from orchestrator.zookeeper.jute import frames
from orchestrator.zookeeper.jute.errors import (
    AuthenticationFailed,
    ClientClosed,
    ConnectionLoss,
    InvalidRequest,
    Overloaded,
    RequestTooLarge,
    SessionExpired,
    ZooKeeperError,
)
from orchestrator.zookeeper.jute.requests import Request
from orchestrator.zookeeper.jute.sessions import NO_PASSWORD, CloseSession, Session, Welcome
from orchestrator.zookeeper.jute.watches import WatchEvent, set_again

T = TypeVar("T")
StateListener = Callable[[State], None]
_HELD_STATES = 100
_FAREWELL_S = 5.0
_SHORTEST_OPENING_S = 1.0
_STABLE_S = 1.0


class Client(Operations):
    """Made, then `start`ed, then `close`d; or used with ``async with``. ``session`` is one to go
    on in. To be used from one event loop."""

    def __init__(
        self,
        settings: ClientSettings,
        session: Session | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.state: State = Disconnected("no server was tried yet")
        self._session = session or self._no_session()
        self._servers = Servers(settings.hosts, chance or random.Random())
        self._window = Window(settings.max_requests, settings.max_requests_bytes)
        self._watches = WatchBook()
        self._connection: Connection | None = None  # only while requests may be sent on it
        self._opening: Connection | None = None
        self._driver: asyncio.Task[None] | None = None
        self._listeners: list[StateListener] = []

    # The session

    @property
    def session(self) -> Session:
        """What takes the session up again, with the newest zxid that was seen; its id is 0 before
        the first connection."""
        return msgspec.structs.replace(self._session, zxid=self.zxid)

    @property
    def zxid(self) -> int:
        """The newest zxid that a server's reply named."""
        seen = self._connection.zxid if self._connection is not None else 0
        return max(self._session.zxid, seen)

    def start(self) -> None:
        """Begin to look for a server."""
        if self._driver is None:
            self._driver = asyncio.get_running_loop().create_task(self._drive())

    async def connected(self, timeout_s: float | None = None) -> Connected:
        """Return when requests are taken. Raises TimeoutError, and what ended the session."""
        async with asyncio.timeout(timeout_s), aclosing(self.states()) as all_states:
            async for state in all_states:
                if isinstance(state, Connected):
                    return state
        raise states.refusal(self.state)

    async def close(self, *, end_session: bool = True) -> None:
        """Leave. Without ``end_session`` the session stays until its timeout, for whoever takes it
        up again; what is under way fails."""
        if end_session and self._connection is not None:
            farewell = self._connection.send(CloseSession(), b"")
            with suppress(ZooKeeperError, TimeoutError):
                await asyncio.wait_for(farewell, _FAREWELL_S)
        if self._driver is not None:
            self._driver.cancel()
            with suppress(asyncio.CancelledError):
                await self._driver
        for connection in (self._connection, self._opening):
            if connection is not None:
                connection.lose(ClientClosed("the client was closed"))
        self._say(states.Closed())

    async def __aenter__(self) -> Client:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def listen(self, listener: StateListener) -> Callable[[], None]:
        """Call on every change of the state, from the event loop; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def states(self) -> AsyncGenerator[State, None]:
        """The state now, then each that follows, until the last word. Who is slow misses the
        oldest but never the newest."""
        held: deque[State] = deque([self.state], _HELD_STATES)
        news = asyncio.Event()

        def hold(state: State) -> None:
            held.append(state)
            news.set()

        stop = self.listen(hold)
        try:
            while True:
                while held:
                    state = held.popleft()
                    yield state
                    if self._is_last(state):
                        return
                news.clear()
                await news.wait()
        finally:
            stop()

    # Requests

    def submit(
        self, request: Request[T], listener: Listener | None = None
    ) -> asyncio.Future[Answer[T]]:
        """Send a request at once; the future has the reply or what went wrong, also if it could
        not be sent. Requests are carried out, and futures done, in the order of submission. Over
        the bounds of the settings it fails with `Overloaded`; see `room`.

        ``listener`` hears the watch that the request sets.
        """
        connection = self._connection
        if connection is None:
            return _failed(states.refusal(self.state))
        if self._window.full:
            return _failed(Overloaded("too much is under way; wait for room before sending"))
        try:
            body = request.encode(self.settings.root)
        except (struct.error, UnicodeEncodeError, ValueError) as error:
            return _failed(InvalidRequest(f"{type(request).__name__} cannot be written: {error}"))
        if len(body) + frames.HEADER_BYTES > self.settings.max_packet_bytes:
            return _failed(self._too_large(request, len(body) + frames.HEADER_BYTES))
        return connection.send(request, body, listener)

    async def room(self) -> None:
        """Return when a request may be submitted, which it may until the caller awaits something
        else. At once when there is no connection: then `submit` says so."""
        await self._window.room()

    def forget_watches(self, path: str) -> None:
        """No listener hears of a path any more."""
        self._watches.remove(path)

    def _too_large(self, request: Request[T], size_bytes: int) -> RequestTooLarge:
        path = getattr(request, "path", "")
        what = f"{type(request).__name__} of {path}" if path else type(request).__name__
        limit = self.settings.max_packet_bytes
        return RequestTooLarge(
            f"{what} takes {size_bytes} bytes, servers read {limit} (jute.maxbuffer)"
        )

    # What a connection tells

    def answered(self, under: Under, found: bool) -> None:
        """A request that sets a watch was answered."""
        kind = kind_of(under.request, found)
        if kind is not None and under.listener is not None:
            self._watches.add(kind, getattr(under.request, "path", ""), under.listener)

    def event(self, event: WatchEvent) -> None:
        """A watch fired."""
        for listener in self._watches.heard(event):
            _guarded(listener, event)

    def lost(self, connection: Connection, reason: ZooKeeperError) -> None:
        """The connection is gone."""
        if connection is self._connection:
            self._session = self.session
            self._connection = None
            self._say(Disconnected(str(reason)))

    # The way from server to server

    async def _drive(self) -> None:
        while not self._is_last(self.state):
            host = self._servers.next()
            try:
                connection = await self._connect(host)
            except SessionExpired:
                self._expire()
            except AuthenticationFailed as error:
                self._say(states.Failed(str(error)))
            except (OSError, ValueError, TimeoutError, ZooKeeperError) as error:
                reason = str(error) or "it does not answer in time"
                self._say(Disconnected(f"{_name(host)}: {reason}"))
                await asyncio.sleep(self._servers.failed())
            else:
                await self._until_gone(connection)

    async def _until_gone(self, connection: Connection) -> None:
        """The next server is tried at once, unless servers let this client in only to hang up."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        await asyncio.shield(connection.gone)
        if loop.time() - since >= _STABLE_S:
            self._servers.succeeded()
        else:
            await asyncio.sleep(self._servers.failed())

    async def _connect(self, host: tuple[str, int]) -> Connection:
        settings = self.settings
        connection = Connection(self, self._window, settings.root, settings.max_reply_bytes)
        self._opening = connection
        share_s = settings.session_timeout_ms / 1500 / len(self._servers)
        try:
            async with asyncio.timeout(max(_SHORTEST_OPENING_S, share_s)):
                await opening.reach(connection, host, settings)
                welcome = await opening.greet(connection, self._session)
                connection.keep_alive(welcome.timeout_ms / 1000)
                await opening.prove(connection, settings)
        except BaseException:
            connection.lose(ConnectionLoss("the connection was not opened in time"))
            raise
        self._adopt(connection, welcome, _name(host))
        return connection

    def _adopt(self, connection: Connection, welcome: Welcome, server: str) -> None:
        """From here on requests are taken. Watches go first, so that whoever reads after a gap
        reads behind them."""
        resumed = welcome.session_id == self._session.id
        for request in set_again(self.zxid, self._watches.all()):
            connection.set_watches(request)
        self._session = Session(
            welcome.session_id, welcome.password, welcome.timeout_ms, self._session.zxid
        )
        self._connection = connection
        self._say(Connected(self.session, server, resumed))
        for listener in self._watches.lasting():
            _guarded(listener, Gap(resumed))

    def _expire(self) -> None:
        expired, self._session = self._session, self._no_session(self.zxid)
        self._say(states.Expired(expired))

    def _no_session(self, zxid: int = 0) -> Session:
        return Session(0, NO_PASSWORD, self.settings.session_timeout_ms, zxid)

    def _is_last(self, state: State) -> bool:
        renews = self.settings.renew and isinstance(state, states.Expired)
        return isinstance(state, states.LAST_WORDS) and not renews

    def _say(self, state: State) -> None:
        if self._is_last(self.state):
            return
        self.state = state
        for listener in list(self._listeners):
            _guarded(listener, state)


def _guarded(listener: Callable[[T], None], news: T) -> None:
    """Call a listener, whose failure must not be the connection's."""
    try:
        listener(news)
    except Exception as error:
        context = {"message": "a listener of a ZooKeeper client failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)


def _name(host: tuple[str, int]) -> str:
    return f"{host[0]}:{host[1]}"


def _failed(error: ZooKeeperError) -> asyncio.Future[Answer[T]]:
    future: asyncio.Future[Answer[T]] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future
