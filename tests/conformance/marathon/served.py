"""A Marathon and a master in a thread of their own, and a client that knows nothing of either.

The master is the one of the integration tests: it has three agents, on which everything runs at
once. Rules share the server; each has an id of its own.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.integration.marathon.fake_master import HttpMaster

from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import serve_marathon

Json = Any  # parsed JSON, as a foreign program has it
_SAFE = "/?&=:*,()!%~@+"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answer:
    """A whole response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Json:
        """The body; its text, if it is no JSON."""
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return json.loads(self.text) if is_json and self.text else self.text


class Served:
    """Serves from the moment it is made until ``stop``."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.port = 0
        self.master = HttpMaster()
        self._config = {"port": 0, "data_dir": str(directory), **settings}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marathon")
        self._thread.start()
        assert self._is_up.wait(_TIMEOUT_S), "Marathon does not come up"

    def stop(self) -> None:
        """End both servers."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_TIMEOUT_S)
        assert self.master.problems == []

    def do(self, action: Callable[[], None]) -> None:
        """Do something in the thread of the servers, such as have a task fail."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        assert done.wait(_TIMEOUT_S)

    def ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request; a body of bytes is sent as it is, any other as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {"Content-Type": "application/json"} if data is not None else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            sent = {**fields, "Connection": "close", **(headers or {})}
            connection.request(method, quote(path, safe=_SAFE), data, sent)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, received, response.read().decode())
        finally:
            connection.close()

    def stream(self, path: str, headers: Mapping[str, str]) -> http.client.HTTPConnection:
        """A connection on which a GET has been sent, to be read and closed by the caller."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        connection.request("GET", path, headers=dict(headers))
        return connection

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # leaves no task behind
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.master.serving())
            config = MarathonConfig(master=self.master.url, **self._config)
            marathon = await stack.enter_async_context(serve_marathon(config))
            self.port = marathon.port
            self._is_up.set()
            await self._stop.wait()


def wait_for(is_so: Callable[[], bool], what: Callable[[], str]) -> None:
    """Ask again until it is so; AssertionError with ``what`` after a while."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(0.005)
