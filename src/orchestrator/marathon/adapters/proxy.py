"""A standby's way to the leader: requests and answers pass through as they come.

Neither body is held here: what the client sends goes on at once, and what it does not take is not
read from the leader. Sizes and the client's own time are bounded by the ``Application`` around it.
``X-Marathon-Via`` names every Marathon that a request went through, so that one which comes back,
as it may while they do not agree on who leads, ends instead of going round. Source:
LeaderProxyFilter and AsyncUrlConnectionRequestForwarder of Marathon 1.11.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from types import TracebackType
from typing import NamedTuple

import aiohttp
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from yarl import URL

from orchestrator.runtime.http import json_error

VIA, LEADER = "X-Marathon-Via", "X-Marathon-Leader"
_FORWARDED_FOR = "X-Forwarded-For"
_OF_ONE_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_NOT_SENT_ON = _OF_ONE_HOP | {"host", "expect", _FORWARDED_FOR.lower()}
_NOT_GIVEN_BACK = _OF_ONE_HOP | {"date"}  # every server writes its own
_OWN = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # what aiohttp would add
logger = logging.getLogger(__name__)


class ProxyLimits(NamedTuple):
    """What passing on may take."""

    connect_s: float = 5.0
    read_s: float = 35.0  # of silence
    max_requests: int = 64


class Proxy:
    """Passes requests on from ``async with`` to its end; ``address`` is its own host:port."""

    def __init__(self, address: str, limits: ProxyLimits) -> None:
        self._via = f"1.1 {address}"
        self._limits = limits
        self._under_way = 0

    async def __aenter__(self) -> Proxy:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._limits.connect_s, sock_read=self._limits.read_s
        )
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            skip_auto_headers=_OWN,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def forward(self, leader: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the leader (host:port) does; 502, 503 or 504 if it cannot be asked."""
        if self._via in Headers(scope=scope).getlist(VIA):
            logger.error("a request came back: the Marathons do not agree on who leads")
            await json_error(502, "Detected proxying loop.")(scope, receive, send)
        elif self._under_way >= self._limits.max_requests:
            sentence = "too many requests are on their way to the leader; try again"
            await json_error(503, sentence)(scope, receive, send)
        else:
            self._under_way += 1
            try:
                await self._exchange(leader, scope, receive, send)
            finally:
                self._under_way -= 1

    async def _exchange(self, leader: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._ask(leader, scope, receive)
        except aiohttp.ServerTimeoutError:
            await json_error(504, "Connection to leader timed out.")(scope, receive, send)
            return
        except aiohttp.ClientConnectorError as error:
            logger.warning("the leader %s cannot be reached: %s", leader, error)
            await json_error(502, "Connection to leader refused.")(scope, receive, send)
            return
        except aiohttp.ClientError as error:
            logger.warning("the leader %s did not answer: %r", leader, error)
            sentence = "Failed to successfully establish a connection to the leader."
            await json_error(502, sentence)(scope, receive, send)
            return
        async with answer:
            await self._give_back(answer, send)

    async def _ask(self, leader: str, scope: Scope, receive: Receive) -> aiohttp.ClientResponse:
        headers = Headers(scope=scope)
        has_body = "content-length" in headers or "transfer-encoding" in headers
        body = _Body(receive) if has_body else None
        try:
            return await self._session.request(
                scope["method"],
                _target(leader, scope),
                headers=self._request_headers(headers, scope),
                data=body.chunks() if body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            if body and body.failure:  # the client's fault, not the leader's
                raise body.failure from None
            raise

    def _request_headers(self, headers: Headers, scope: Scope) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in headers.items() if name not in _NOT_SENT_ON]
        client = [scope["client"][0]] if scope.get("client") else []
        forwarded_for = ",".join([*headers.getlist(_FORWARDED_FOR), *client])
        return [*kept, (VIA, self._via), (_FORWARDED_FOR, forwarded_for)]

    async def _give_back(self, answer: aiohttp.ClientResponse, send: Send) -> None:
        headers = [
            (name.lower(), value)
            for name, value in answer.raw_headers
            if name.lower().decode("latin-1") not in _NOT_GIVEN_BACK
        ]
        headers.append((VIA.lower().encode(), self._via.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """What the client sends, piece by piece; ``failure`` is why it ended too early."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.failure: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces, as aiohttp takes them."""
        has_more = True
        while has_more:
            try:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
            except Exception as error:
                self.failure = error
                raise
            has_more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk


def _target(leader: str, scope: Scope) -> URL:
    """The same path and query at the leader, byte for byte."""
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    path = raw.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return URL(f"http://{leader}{path}", encoded=True)
