"""Requests whose answer is shown to people: with the content type and the beginning of the body."""

from __future__ import annotations

import ssl

import aiohttp
from yarl import URL

from orchestrator.marathon.core.health.probes import HttpAnswer, HttpRequest

MAX_BODY_BYTES = 16 * 1024


class Bodies:
    """A client that keeps no connection open between requests."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all requests."""
        if self._session is not None:
            await self._session.close()

    async def get(self, request: HttpRequest, address: str) -> HttpAnswer:
        """Ask at this address. Raises aiohttp.ClientError and OSError."""
        url = URL(f"{'https' if request.is_secure else 'http'}://x{request.path}")
        url = url.with_host(address).with_port(request.port)
        headers = {"Host": f"{request.host}:{request.port}"}
        async with self._client().get(
            url, headers=headers, allow_redirects=False, ssl=self._tls
        ) as response:
            return HttpAnswer(
                status=response.status,
                content_type=response.content_type if "Content-Type" in response.headers else "",
                body=(await _beginning(response)).decode("utf-8", "replace"),
            )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None),  # each try has its own
                headers={"User-Agent": "orchestrator"},
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    while len(body) < MAX_BODY_BYTES:
        more = await response.content.read(MAX_BODY_BYTES - len(body))
        if not more:
            break
        body += more
    return body
