"""An HTTP/1.1 client: one connection that is kept, and streams that have their own."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from orchestrator.monitoring.probe.http.exchange import (
    MAX_BODY_BYTES,
    Exchange,
    HttpError,
    read_head,
)

_TIMEOUT_S = 20.0
_IDLE_S = 60.0


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes

    def message(self) -> str:
        """What the server says of an error: its JSON's message, or the status with its text."""
        try:
            found = msgspec.json.decode(self.body)
            return str(found["message"])[:500]
        except (msgspec.DecodeError, UnicodeError, KeyError, TypeError):
            return f"status {self.status}{self._text()}"

    def _text(self) -> str:
        """The first line, if a person is meant to read it."""
        if not self.headers.get("content-type", "").startswith("text/plain"):
            return ""
        line = self.body[:500].decode(errors="replace").strip().partition("\n")[0]
        return f": {line}" if line else ""


class Origin(NamedTuple):
    """Where a server is."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    unix: str = ""
    """Path of a socket; instead of host and port."""
    base: str = ""
    """What comes before every path."""

    @property
    def name(self) -> str:
        """As people know it."""
        return self.unix or f"{self.host}:{self.port}"


def origin_of(url: str, ca_file: str = "") -> Origin:
    """Of a URL. Raises HttpError if the certificates cannot be read."""
    parts = urlsplit(url)
    host, base = parts.hostname or "", parts.path.rstrip("/")
    if parts.scheme != "https":
        return Origin(host, parts.port or 80, base=base)
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise HttpError(f"the certificates in {ca_file} cannot be used: {error}") from None
    return Origin(host, parts.port or 443, context, base=base)


class Client:
    """Asks one server; requests wait for each other, streams have connections of their own."""

    def __init__(self, origin: Origin, headers: Mapping[str, str] | None = None) -> None:
        self.origin = origin
        self._headers = dict(headers or {})
        self._lock = asyncio.Lock()
        self._kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Answer:
        """One request and its whole answer. Raises HttpError."""
        async with self._lock:
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._exchange(method, path, body, headers or {}, max_bytes)
            except TimeoutError:
                self.close()
                raise HttpError(
                    f"{self.origin.name} did not answer within {timeout_s:g} s"
                ) from None
            except BaseException:
                self.close()
                raise

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> AsyncIterator[Exchange]:
        """A request whose answer is read as it comes. Raises HttpError."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await self._connect()
                try:
                    exchange = await self._send(reader, writer, method, path, body, headers or {})
                except BaseException:
                    writer.close()
                    raise
        except TimeoutError:
            raise HttpError(f"{self.origin.name} did not answer within {timeout_s:g} s") from None
        except (OSError, asyncio.IncompleteReadError, EOFError) as error:
            raise self._broken(error) from None
        try:
            yield exchange
        finally:
            writer.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one's own. Raises HttpError."""
        try:
            return await self._connect()
        except OSError as error:
            raise self._broken(error) from None

    async def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        is_kept = self._kept is not None
        try:
            return await self._once(method, path, body, headers, max_bytes)
        except (OSError, asyncio.IncompleteReadError, EOFError) as error:
            self.close()
            if not is_kept:
                raise self._broken(error) from None
        try:  # the server had closed what was kept
            return await self._once(method, path, body, headers, max_bytes)
        except (OSError, asyncio.IncompleteReadError, EOFError) as error:
            raise self._broken(error) from None

    async def _once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        now = asyncio.get_running_loop().time()
        if self._kept is not None and (
            now - self._used_at > _IDLE_S or self._kept[0].at_eof() or self._kept[1].is_closing()
        ):
            self.close()
        if self._kept is None:
            self._kept = await self._connect()
        reader, writer = self._kept
        exchange = await self._send(reader, writer, method, path, body, headers)
        answer = Answer(exchange.status, exchange.headers, await exchange.body(max_bytes))
        self._used_at = asyncio.get_running_loop().time()
        if exchange.headers.get("connection", "").lower() == "close" or not exchange.is_framed:
            self.close()
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.origin.unix:
            return await asyncio.open_unix_connection(self.origin.unix)
        server = self.origin.host if self.origin.tls is not None else None
        return await asyncio.open_connection(
            self.origin.host, self.origin.port, ssl=self.origin.tls, server_hostname=server
        )

    async def _send(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Exchange:
        writer.write(self.head(method, path, len(body), headers))
        if body:
            writer.write(body)
        await writer.drain()
        while True:
            status, found = await read_head(reader)
            if status != 100:
                return Exchange(reader, writer, status, found)

    def head(self, method: str, path: str, length: int | None, headers: Mapping[str, str]) -> bytes:
        """What comes before the body of a request."""
        said = {"Host": self._host(), **self._headers, **headers}
        if length is not None and (length or method not in ("GET", "HEAD")):
            said["Content-Length"] = str(length)
        lines = [f"{method} {self.origin.base}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in said.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _host(self) -> str:
        if self.origin.unix:
            return "localhost"
        host = f"[{self.origin.host}]" if ":" in self.origin.host else self.origin.host
        return f"{host}:{self.origin.port}"

    def _broken(self, error: Exception) -> HttpError:
        if isinstance(error, ssl.SSLError):
            reason = error.reason or "TLS failed"
            reason = getattr(error, "verify_message", "") or reason
        elif isinstance(error, ConnectionError) and error.errno:
            reason = os.strerror(error.errno)  # asyncio's own text repeats the address
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
        else:
            reason = "the connection was closed"
        return HttpError(f"{self.origin.name} cannot be reached: {reason}")
