"""A view of the monitoring app, followed over its WebSocket; one that ends is opened anew."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final, NamedTuple

import aiohttp

from orchestrator.monitoring.render.mirror import Mirror, OutOfStepError

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 10.0
_SILENCE_S: Final = 30.0
_MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
_REFUSALS: Final = range(4400, 4600)


class RefusedError(Exception):
    """The app says no; the text is one sentence."""


class LostError(Exception):
    """There is no connection, or none any more; the text is one sentence."""


class Source(NamedTuple):
    """Where the app is, and who asks."""

    url: str
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Of the request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


async def read_once(source: Source, view: str, query: str) -> Mirror:
    """A view as of now. Raises RefusedError or LostError."""
    found: list[Mirror] = []

    def take(mirror: Mirror) -> bool:
        found.append(mirror)
        return False

    await _follow(source, view, query, take)
    return found[0]


async def follow(
    source: Source,
    view: str,
    query: str,
    show: Callable[[Mirror], None],
    lost: Callable[[str], None],
) -> None:
    """Show a view whenever it has changed, until this is cancelled. Raises RefusedError.

    ``lost`` is told why there is no connection; what was shown last is then all that is known.
    """
    wait_s = FIRST_WAIT_S

    def shown(mirror: Mirror) -> bool:
        nonlocal wait_s
        wait_s = FIRST_WAIT_S
        show(mirror)
        return True

    while True:
        try:
            await _follow(source, view, query, shown)
        except LostError as error:
            lost(str(error))
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


async def _follow(source: Source, view: str, query: str, show: Callable[[Mirror], bool]) -> None:
    """Over one connection, as long as ``show`` wants more. Raises RefusedError or LostError."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S)
    mirror, url = Mirror(), f"{source.url}/api/v1/ws"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=source.headers) as session,
            session.ws_connect(
                url,
                params={"view": view, "query": query},
                max_msg_size=_MAX_FRAME_BYTES,
                heartbeat=_SILENCE_S / 2,
            ) as socket,
        ):
            while True:
                message = await socket.receive()
                if message.type is not aiohttp.WSMsgType.BINARY:
                    raise _end(message, socket.close_code)
                mirror.apply(message.data)
                if not show(mirror):
                    return
    except aiohttp.WSServerHandshakeError as error:
        if error.status in (401, 403):
            raise RefusedError(f"{source.url} refuses: give a token with --token") from None
        raise LostError(f"{source.url} is no monitoring app: it answers {error.status}") from None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise LostError(
            f"the monitoring app at {source.url} cannot be reached: {_reason(error)}"
        ) from None
    except (OutOfStepError, ValueError):
        raise LostError("a frame is missing") from None


def _reason(error: Exception) -> str:
    """aiohttp's own sentence names what it was asked for once more."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or "it does not answer"


def _end(message: aiohttp.WSMessage, code: int | None) -> RefusedError | LostError:
    """Why it ended: the app refuses, or has gone."""
    if code in _REFUSALS:
        return RefusedError(message.extra or f"the app refuses, with {code}")
    return LostError("the app has closed the connection")
