"""HTTP: a batch is one POST of JSON lines (application/x-ndjson).

A URL whose path ends in ``/_bulk`` is spoken to as Elasticsearch and OpenSearch want it: a line of
``{"create":{}}`` before each record, and an answer that has an outcome for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import msgspec

from orchestrator.agent.adapters.logs.sinks.sink import RefusedError, SinkError
from orchestrator.agent.core.logs import LogRecord

TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_TRY_AGAIN = (408, 425, 429)
_UNWILLING = (401, 403, 404)  # an operator can put these right: the records are worth keeping
_CREATE = b'{"create":{}}\n'


class _Outcome(msgspec.Struct):
    status: int = 0


class _BulkAnswer(msgspec.Struct):
    errors: bool = False
    items: list[dict[str, _Outcome]] = []


class HttpSink:
    """``url`` may hold credentials, which are never repeated."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self._is_bulk = parts.path.endswith("/_bulk")
        self._session: aiohttp.ClientSession | None = None

    async def send(self, records: Sequence[LogRecord]) -> None:
        """See LogSink."""
        before = _CREATE if self._is_bulk else b""
        body = b"".join(before + msgspec.json.encode(record) + b"\n" for record in records)
        status, answer = await self._post(body)
        if status in _TRY_AGAIN or status in _UNWILLING or status >= 500:
            raise SinkError(f"{self._shown} answered {status}")
        if status >= 300:
            raise RefusedError(len(records), f"{self._shown} answered {status}")
        if self._is_bulk:
            self._check(answer)

    async def close(self) -> None:
        """See LogSink."""
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        headers = {"Content-Type": "application/x-ndjson"}
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.content.read(MAX_ANSWER_BYTES) if self._is_bulk else b""
                return response.status, answer
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise SinkError(f"{self._shown} cannot be reached: {type(error).__name__}") from None

    def _check(self, answer: bytes) -> None:
        """Raises SinkError where some may be taken later, RefusedError where some never will."""
        try:
            outcomes = msgspec.json.decode(answer, type=_BulkAnswer)
        except msgspec.MsgspecError:
            return  # it took them, in words of its own
        if not outcomes.errors:
            return
        states = [outcome.status for item in outcomes.items for outcome in item.values()]
        if any(state == 429 or state >= 500 for state in states):
            raise SinkError(f"{self._shown} is overloaded")
        refused = sum(state >= 400 for state in states)
        raise RefusedError(refused, f"{self._shown} refused {refused} records")
