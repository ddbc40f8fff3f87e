"""Runs uvicorn inside the current event loop, so that several servers share one process.

The socket is bound here and not by uvicorn: a port in use becomes a sentence instead of an exit,
and port 0 can be asked what it became. Signals stay with the program, which knows what it runs.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.runtime.http.protocol import BoundedHttpProtocol

CLOSING = "orchestrator.closing"
"""Key in the ASGI scope of an asyncio.Event, set when the server begins to shut down."""

_BACKLOG = 2048
_UNREAD_TIMEOUT_MS = 300_000  # of bytes that a client does not take: then the connection is cut
_MAX_WEBSOCKET_MESSAGE_BYTES = 64 * 1024 * 1024


class ListenError(Exception):
    """The server cannot listen where it was told to; the text is one sentence for the operator."""


class PortInUseError(ListenError):
    """Another process listens on the port."""


class Server:
    """A running server; ``port`` is the real one where 0 was asked for."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """Where clients find it, without a slash at the end; 0.0.0.0 is shown as this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@asynccontextmanager
async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    flag: str = "--port",
    keep_alive_s: int = 90,
    grace_s: int = 5,
) -> AsyncIterator[Server]:
    """Serve until the context ends; requests in progress then have ``grace_s`` to finish.

    ``flag`` names the setting to change in the error's sentence. Connections may idle for
    ``keep_alive_s``, longer than the pools of common clients keep theirs, so that these never
    write into a connection that is being closed. Raises PortInUseError or another ListenError.
    """
    listener = _bind(host, port, flag)
    closing = asyncio.Event()
    runner = _Runner(_config(_with_closing(app, closing), keep_alive_s, grace_s))
    task = asyncio.create_task(runner.serve(sockets=[listener]), name=f"http {host}:{port}")
    try:
        await runner.wait_until_started(task)
        yield Server(host, listener.getsockname()[1])
    finally:
        closing.set()
        runner.should_exit = True
        await asyncio.shield(task)


def check_port(host: str, port: int, flag: str = "--port") -> None:
    """Raise what ``serve`` would, without serving: for programs that check before they start."""
    _bind(host, port, flag).close()


class _Runner(uvicorn.Server):
    """uvicorn without its signal handlers, and with an event for having started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_up.set()

    async def wait_until_started(self, task: asyncio.Task[None]) -> None:
        waiter = asyncio.create_task(self._is_up.wait())
        await asyncio.wait((waiter, task), return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if task.done():
            task.result()


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Not so: uvicorn takes a WebSocket that was refused with a response for a forgotten one."""
    return record.getMessage() != "ASGI callable returned without completing handshake."


logging.getLogger("uvicorn.error").addFilter(_is_worth_telling)


def _config(app: ASGIApp, keep_alive_s: int, grace_s: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=_MAX_WEBSOCKET_MESSAGE_BYTES,
        ws_ping_interval=None,  # the protocols on top have pings of their own
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=grace_s,
    )


def _with_closing(app: ASGIApp, closing: asyncio.Event) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CLOSING] = closing
        await app(scope, receive, send)

    return answer


def _bind(host: str, port: int, flag: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ListenError(f"cannot listen on {host}: {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # inherited by the connections; Linux only
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(_BACKLOG)  # two may bind before either listens; now the port is ours
    except OSError as error:
        listener.close()
        raise _why_not(error, host, port, flag) from None
    return listener


def _why_not(error: OSError, host: str, port: int, flag: str) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        sentence = f"port {port} on {host} is in use by another process; choose another with {flag}"
        return PortInUseError(sentence)
    reason = error.strerror or str(error)
    return ListenError(f"cannot listen on port {port} of {host} ({flag}): {reason}")
