"""The operator API of an agent, as the mesos command line uses it: calls, sessions, input."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos import agent_api, codec, recordio
from orchestrator.mesos.agent_api import ProcessIO

RECORDIO = {"Accept": "application/recordio", "Message-Accept": "application/json"}
INPUT = {"Content-Type": "application/recordio", "Message-Content-Type": "application/json"}
_numbers = itertools.count(1)
Json = dict[str, Any]


class Output:
    """What a session wrote so far."""

    def __init__(self, response: aiohttp.ClientResponse, container_id: Json) -> None:
        self.id = container_id
        self.response = response
        self.stdout = b""
        self.stderr = b""
        self._reader = recordio.Reader()

    async def rest(self) -> Output:
        """Read to the end."""
        async for chunk in self.response.content.iter_any():
            self._take(chunk)
        return self

    async def until(self, wanted: bytes) -> Output:
        """Read until stdout has some text."""
        while wanted not in self.stdout:
            try:
                async with asyncio.timeout(60):
                    chunk = await self.response.content.readany()
            except TimeoutError:
                chunk = b""
            assert chunk, f"there is no {wanted!r}: {self.stdout!r} {self.stderr!r}"
            self._take(chunk)
        return self

    def _take(self, chunk: bytes) -> None:
        for record in self._reader.feed(chunk):
            data = codec.decode(ProcessIO, record).data
            if data is not None and data.type is agent_api.DataType.STDERR:
                self.stderr += data.data or b""
            elif data is not None:
                self.stdout += data.data or b""


class Operator:
    """Somebody who calls an agent."""

    def __init__(self, agent: RunningAgent, http: aiohttp.ClientSession) -> None:
        self.url = agent.url + "/api/v1"
        self.http = http

    async def call(self, type_: str, **body: object) -> tuple[int, Any]:
        """One call; ``body`` is the field that the type names."""
        message = {"type": type_} | ({type_.lower(): body} if body else {})
        headers = {"Accept": "application/json"}
        async with self.http.post(self.url, json=message, headers=headers) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text())

    @asynccontextmanager
    async def session(
        self, parent: Json, *argv: str, tty: Json | None = None, **more: object
    ) -> AsyncIterator[Output]:
        """Begin a session and read it."""
        container_id = {"value": f"session-{next(_numbers)}", "parent": parent}
        command = {"value": argv[0], "arguments": argv, "shell": False, **more}
        body: Json = {"container_id": container_id, "command": command}
        if tty is not None:
            body["container"] = {"type": "MESOS", "tty_info": tty}
        message = {
            "type": "LAUNCH_NESTED_CONTAINER_SESSION",
            "launch_nested_container_session": body,
        }
        async with self.http.post(self.url, json=message, headers=RECORDIO) as response:
            assert response.status == 200, await response.text()
            yield Output(response, container_id)

    @asynccontextmanager
    async def attached(self, container_id: Json) -> AsyncIterator[Output]:
        """Read what is there already."""
        message = {
            "type": "ATTACH_CONTAINER_OUTPUT",
            "attach_container_output": {"container_id": container_id},
        }
        async with self.http.post(self.url, json=message, headers=RECORDIO) as response:
            assert response.status == 200, await response.text()
            yield Output(response, container_id)

    async def exit_status(self, container_id: Json) -> int:
        """As waitpid(2) has it."""
        status, answer = await self.call("WAIT_CONTAINER", container_id=container_id)
        assert status == 200, answer
        found: int = answer["wait_container"]["exit_status"]
        return found

    async def give(self, container_id: Json, *records: Json) -> tuple[int, str]:
        """Give input, and tell how that was answered."""
        return await self.give_bytes(_one_by_one([named(container_id), *records]))

    async def give_bytes(self, body: object, headers: Json = INPUT) -> tuple[int, str]:
        async with self.http.post(self.url, data=body, headers=headers) as response:
            return response.status, await response.text()


@asynccontextmanager
async def operator_of(agent: RunningAgent) -> AsyncIterator[Operator]:
    async with aiohttp.ClientSession() as http:
        yield Operator(agent, http)


# --- records of input ----------------------------------------------------------------------------


async def _one_by_one(records: Iterable[Json]) -> AsyncIterator[bytes]:
    for record in records:
        yield encoded([record])


def encoded(records: Iterable[Json]) -> bytes:
    calls = ({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": r} for r in records)
    return b"".join(recordio.encode(codec.encode(call)) for call in calls)


def named(container_id: Json) -> Json:
    return {"type": "CONTAINER_ID", "container_id": container_id}


def stdin(data: bytes) -> Json:
    """Input; none is the end."""
    content = {"type": "STDIN", "data": base64.b64encode(data).decode()}
    return {"type": "PROCESS_IO", "process_io": {"type": "DATA", "data": content}}


def size(rows: int, columns: int) -> Json:
    window = {"window_size": {"rows": rows, "columns": columns}}
    return _control({"type": "TTY_INFO", "tty_info": window})


def heartbeat() -> Json:
    interval = {"interval": {"nanoseconds": 30_000_000_000}}
    return _control({"type": "HEARTBEAT", "heartbeat": interval})


def _control(control: Json) -> Json:
    return {"type": "PROCESS_IO", "process_io": {"type": "CONTROL", "control": control}}
