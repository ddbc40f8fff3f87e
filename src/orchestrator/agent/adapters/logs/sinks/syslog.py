"""Syslog (RFC 5424), each record a message whose text is its JSON.

Over UDP (RFC 5426) a record is a datagram, and nobody tells whether it arrives. Over TCP messages
are framed by their length (RFC 6587, 3.4.1); what the peer had not read when a connection breaks is
lost.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence

import msgspec

from orchestrator.agent.adapters.logs.sinks.sink import SinkError
from orchestrator.agent.core.logs import LogRecord

TIMEOUT_S = 10.0
MAX_DATAGRAM_BYTES = 60_000
_LOCAL0 = 16 * 8
_SEVERITY = {"stdout": 6, "stderr": 4}  # informational, warning
_MAX_APP_NAME = 48
_UNPRINTABLE = re.compile(r"[^!-~]")


class SyslogSink:
    """Messages as of ``hostname``, the agent's."""

    def __init__(self, host: str, port: int, hostname: str, *, is_tcp: bool) -> None:
        self._address = (host, port)
        self._hostname = _UNPRINTABLE.sub("", hostname)[:255] or "-"
        self._is_tcp = is_tcp
        self._writer: asyncio.StreamWriter | None = None
        self._datagrams: socket.socket | None = None

    async def send(self, records: Sequence[LogRecord]) -> None:
        """See LogSink."""
        messages = [message(record, self._hostname) for record in records]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await (self._stream(messages) if self._is_tcp else self._scatter(messages))
        except (OSError, TimeoutError, UnicodeError) as error:
            await self.close()
            host, port = self._address
            why = str(error) or "it takes nothing"
            raise SinkError(f"syslog at {host}:{port}: {why}") from None

    async def close(self) -> None:
        """See LogSink."""
        if self._writer is not None:
            self._writer.close()
        if self._datagrams is not None:
            self._datagrams.close()
        self._writer = self._datagrams = None

    async def _stream(self, messages: Sequence[bytes]) -> None:
        if self._writer is None:
            _, self._writer = await asyncio.open_connection(*self._address)
        self._writer.writelines(b"%d %s" % (len(one), one) for one in messages)
        await self._writer.drain()

    async def _scatter(self, messages: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        if self._datagrams is None:
            (family, kind, *_, address), *_ = await loop.getaddrinfo(
                *self._address, type=socket.SOCK_DGRAM
            )
            self._datagrams = socket.socket(family, kind)
            self._datagrams.setblocking(False)
            self._datagrams.connect(address)
        for one in messages:
            await loop.sock_sendall(self._datagrams, one[:MAX_DATAGRAM_BYTES])


def message(record: LogRecord, hostname: str) -> bytes:
    """One record as of RFC 5424: the task is the application, the stream the kind of message."""
    priority = _LOCAL0 + _SEVERITY.get(record.stream, 6)
    application = _UNPRINTABLE.sub("?", record.task_id)[-_MAX_APP_NAME:] or "-"
    head = f"<{priority}>1 {record.time} {hostname} {application} - {record.stream} - "
    return head.encode() + msgspec.json.encode(record)
