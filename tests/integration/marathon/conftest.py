"""A Marathon on a master in the test, and a client for its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually

from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import RunningMarathon, serve_marathon

Start = Callable[..., AbstractAsyncContextManager[RunningMarathon]]


class Api:
    """Requests as a client makes them; answers are (status, JSON)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def call(
        self, method: str, path: str, body: Any = None, **kwargs: Any
    ) -> tuple[int, Any]:
        """The status and the answer; ``data`` is sent as JSON too, whatever it is."""
        if body is not None:
            kwargs["json"] = body
        elif kwargs.get("data") is not None:
            kwargs.setdefault("headers", {"Content-Type": "application/json"})
        async with self.session.request(method, path, **kwargs) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text())

    async def get(self, path: str) -> Any:
        status, answer = await self.call("GET", path)
        assert status == 200, answer
        return answer

    async def settled(self) -> None:
        """Wait until no deployment is left."""

        async def is_done() -> bool:
            return bool(await self.get("/v2/deployments") == [])

        await eventually(is_done)

    async def deploy(self, **fields: Any) -> Any:
        """Create an app and wait for it."""
        status, answer = await self.call("POST", "/v2/apps", fields)
        assert status == 201, answer
        await self.settled()
        return answer


@pytest.fixture
async def master() -> AsyncIterator[HttpMaster]:
    async with HttpMaster().serving() as serving:
        yield serving
        assert serving.problems == []


@pytest.fixture
def start(master: HttpMaster, tmp_path: Path) -> Start:
    def start(**fields: Any) -> AbstractAsyncContextManager[RunningMarathon]:
        config: dict[str, Any] = {"port": 0, "data_dir": str(tmp_path), "master": master.url}
        return serve_marathon(MarathonConfig(**(config | fields)))

    return start


@pytest.fixture
async def marathon(start: Start) -> AsyncIterator[RunningMarathon]:
    async with start() as running:
        yield running


@pytest.fixture
async def api(marathon: RunningMarathon) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(marathon.url) as session:
        yield Api(session)
