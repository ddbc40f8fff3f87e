"""Tries what a task answers to a GET, as ``curl -sSLkg`` would, with which Mesos does it.

Redirections are followed and certificates not verified. A connection serves one try, so a check
never depends on what an earlier one left behind.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from orchestrator.agent.adapters.checks.answers import Answer, AnswerError, read_answer
from orchestrator.agent.adapters.checks.sockets import Sockets, connect
from orchestrator.agent.adapters.checks.tcp import LOOPBACK
from orchestrator.agent.core.checking.probe import HttpAnswered, HttpProbe, ProbeFailed

MAX_REDIRECTS = 20
_CHUNK_BYTES = 64 * 1024
_UNSAFE = re.compile(r"[^!-~]+")
_PORTS = {"http": 80, "https": 443}


class _Request(NamedTuple):
    """Where to connect, and what to say."""

    host: str
    port: int
    is_secure: bool
    text: bytes


class HttpClient:
    """Makes single requests; ``close`` ends what it started."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE
        self._resolver = ThreadPoolExecutor(2, thread_name_prefix="names-in-checks")

    def close(self) -> None:
        """Resolve no more names."""
        self._resolver.shutdown(wait=False, cancel_futures=True)

    async def get(self, pid: int | None, probe: HttpProbe) -> HttpAnswered | ProbeFailed:
        """What is answered in the end. Raises NoSocketError."""
        host = f"[{LOOPBACK[True]}]" if probe.is_ipv6 else LOOPBACK[False]
        url = f"{probe.scheme}://{host}:{probe.port}{_quoted(probe.path)}"
        try:
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._ask(pid, url)
                if answer.location is None or not 300 <= answer.status < 400:
                    return HttpAnswered(status_code=answer.status)
                url = urljoin(url, _quoted(answer.location))
        except (OSError, ValueError, AnswerError) as error:
            return ProbeFailed(reason=f"HTTP request failed: {_reason(error)}")
        return ProbeFailed(reason=f"HTTP request failed: more than {MAX_REDIRECTS} redirections")

    async def _ask(self, pid: int | None, url: str) -> Answer:
        wanted = _parse(url)
        *others, last = await self._ips_of(wanted.host)
        for ip in others:  # as curl does: a name may stand for ::1 where only 127.0.0.1 is served
            with suppress(OSError):
                return await self._ask_at(pid, ip, wanted)
        return await self._ask_at(pid, last, wanted)

    async def _ask_at(self, pid: int | None, ip: str, wanted: _Request) -> Answer:
        loop = asyncio.get_running_loop()
        with await self._sockets.open(pid, is_ipv6=":" in ip) as made:
            await connect(made, (ip, wanted.port))
            if wanted.is_secure:
                return await self._over_tls(made, wanted.text)
            await loop.sock_sendall(made, wanted.text)
            return await read_answer(lambda: loop.sock_recv(made, _CHUNK_BYTES))

    async def _over_tls(self, made: socket.socket, text: bytes) -> Answer:
        reader, writer = await asyncio.open_connection(
            sock=made.dup(), ssl=self._tls, server_hostname=""
        )
        try:
            writer.write(text)
            return await read_answer(lambda: reader.read(_CHUNK_BYTES))
        finally:
            writer.transport.abort()

    async def _ips_of(self, host: str) -> Sequence[str]:
        """Its addresses, at least one. Raises OSError."""
        if host in LOOPBACK.values():
            return (host,)
        try:
            return (str(ip_address(host)),)
        except ValueError:  # a name: only redirections bring some
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._resolver, _resolve, host)


def _quoted(text: str) -> str:
    return _UNSAFE.sub(lambda found: quote(found[0]), text)


@lru_cache(maxsize=4096)  # the same ones are asked for again and again
def _parse(url: str) -> _Request:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise AnswerError("it was redirected to what is not HTTP")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    text = (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: orchestrator\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    )
    port = parts.port or _PORTS[parts.scheme]
    return _Request(parts.hostname, port, parts.scheme == "https", text.encode("ascii"))


def _resolve(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
