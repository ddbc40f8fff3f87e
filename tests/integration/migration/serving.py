"""`zk-migrate serve` as a process, and what its clients do."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
from tests.integration.migration.conftest import Side
from tests.support import eventually, free_port

COMMAND = [sys.executable, "-m", "orchestrator.cli.zkmigrate.main"]


def address_of(side: Side) -> dict[str, Any]:
    """An ensemble in the body of a request."""
    return {"address": side.address, "session_timeout_ms": 20_000}


class Served:
    """The process, which may be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "zk-migrate"
        self._log = directory / "zk-migrate.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it; return when it serves."""
        self._launch()
        await eventually(lambda: self.call("GET", "/health"))

    def _launch(self) -> None:
        arguments = ["serve", "--port", str(self.port), "--data-dir", str(self._directory)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*COMMAND, *arguments], stdout=log, stderr=log)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """``kill -9``."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        """End it as an operator does."""
        assert self._process is not None
        self._process.terminate()
        assert await asyncio.to_thread(self._process.wait) == 0

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body. Raises AssertionError if nobody answers."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, self.url + path, json=body) as response,
            ):
                text = await response.text()
                return response.status, json.loads(text) if text else None
        except aiohttp.ClientError as error:
            raise AssertionError(f"{error}; {self._log.read_text()[-2000:]}") from None

    async def begin(self, a: dict[str, Any], b: dict[str, Any], **settings: Any) -> None:
        """Begin the sync "test"."""
        body = {"name": "test", "a": a, "b": b, "settings": settings}
        status, answer = await self.call("POST", "/api/v1/syncs", body)
        assert status == 201, answer

    async def at_rest(self) -> None:
        """Return when the sync says that both sides are equal and nothing waits."""

        async def is_at_rest() -> bool:
            _, sync = await self.call("GET", "/api/v1/syncs/test")
            assert (sync["state"], sync["is_equal"], sync["queue"]) == ("live", True, 0), sync
            return True

        await eventually(is_at_rest, 120.0)
