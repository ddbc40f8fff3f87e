"""Makes one try: connects, and for HTTP asks and reads the status.

Sockets are used directly: a try is over with the first line of the answer, so nothing of a
client's pools and parsers would be used. A connection serves one try.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

import aiohttp

from orchestrator.marathon.adapters.probing.bodies import Bodies
from orchestrator.marathon.adapters.probing.names import Names
from orchestrator.marathon.adapters.probing.status_line import AnswerError, StatusReader
from orchestrator.marathon.core.health.probes import (
    Answer,
    Connected,
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    NotTried,
    ProbeRequest,
    TcpRequest,
)

_CHUNK_BYTES = 4096
_UNSAFE = re.compile(r"[^!-~]+")
_OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)


class Tries:
    """Makes single tries, each within its timeout; ``close`` ends what it started."""

    def __init__(self) -> None:
        self._names = Names()
        self._tls = _lenient_tls()
        self._bodies = Bodies(self._tls)

    async def close(self) -> None:
        """Make no more."""
        self._names.close()
        await self._bodies.close()

    async def make(self, request: ProbeRequest, timeout_s: float) -> Answer:
        """What came of it; never raises, unless cancelled."""
        reader = StatusReader()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._make(request, reader)
        except TimeoutError:
            if reader.interim is not None:
                return HttpAnswer(status=reader.interim)
            return NoAnswer(f"no answer within {timeout_s:g} s")
        except (AnswerError, aiohttp.ClientError, ValueError) as error:
            return NoAnswer(str(error) or type(error).__name__)
        except OSError as error:
            return _failed(error)

    async def _make(self, request: ProbeRequest, reader: StatusReader) -> Answer:
        address = await self._names.address_of(request.host, request.is_ipv6)
        match request:
            case TcpRequest(port=port):
                (await _connect(address, port)).close()
                return Connected()
            case HttpRequest(wants_body=True):
                return await self._bodies.get(request, address)
            case HttpRequest():
                return HttpAnswer(status=await self._status(request, address, reader))
            case _:
                assert_never(request)

    async def _status(self, request: HttpRequest, address: str, reader: StatusReader) -> int:
        text = _text(request.host, request.port, request.path)
        loop = asyncio.get_running_loop()
        with await _connect(address, request.port) as made:
            if request.is_secure:
                return await self._over_tls(made, text, reader)
            await loop.sock_sendall(made, text)
            return await reader.read(lambda: loop.sock_recv(made, _CHUNK_BYTES))

    async def _over_tls(self, made: socket.socket, text: bytes, reader: StatusReader) -> int:
        stream, writer = await asyncio.open_connection(
            sock=made.dup(), ssl=self._tls, server_hostname=""
        )
        try:
            writer.write(text)
            return await reader.read(lambda: stream.read(_CHUNK_BYTES))
        finally:
            writer.transport.abort()


async def _connect(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


@lru_cache(maxsize=16_384)  # the same ones are asked again and again
def _text(host: str, port: int, path: str) -> bytes:
    target = _UNSAFE.sub(lambda found: quote(found[0]), path)
    name = f"[{host}]" if ":" in host else host
    return (
        f"GET {target} HTTP/1.1\r\nHost: {name}:{port}\r\nUser-Agent: orchestrator\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


def _failed(error: OSError) -> Answer:
    if isinstance(error, ssl.SSLError):
        return NoAnswer(f"TLS failed: {error.reason or error}")
    if isinstance(error, socket.gaierror):
        is_passing = error.errno == socket.EAI_AGAIN  # the resolver is down, not the task
        return (NotTried if is_passing else NoAnswer)(f"the host's name: {error.strerror}")
    cause = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return (NotTried if error.errno in _OUR_OWN else NoAnswer)(cause)


def _lenient_tls() -> ssl.SSLContext:
    """A check asks whether the task answers, not who it is: any certificate will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
