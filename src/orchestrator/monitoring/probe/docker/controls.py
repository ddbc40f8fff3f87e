"""Controls of the Engine's containers: their life, their logs, commands and terminals in them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from orchestrator.monitoring.probe.control.flowing import first, until_gone
from orchestrator.monitoring.probe.docker.parsing import Inspected, describe, parse_exec
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.http.client import Client
from orchestrator.monitoring.probe.http.exchange import HttpError, read_head
from orchestrator.monitoring.probe.processes.parsing import parse_container
from orchestrator.monitoring.probe.roles import Answer, Asked, ControlFailedError, Terminal
from orchestrator.monitoring.report import control

_STOP_S = 10
_TIMEOUT_S = 28.0  # within that of a request
_LOOK_S = 5.0
_MAX_TAIL = 100_000
_DEFAULT_SHELL = "if command -v bash >/dev/null; then exec bash; else exec sh; fi"
_LIFE = {
    control.START: ("POST", "/start"),
    control.STOP: ("POST", f"/stop?t={_STOP_S}"),
    control.RESTART: ("POST", f"/restart?t={_STOP_S}"),
    control.PAUSE: ("POST", "/pause"),
    control.UNPAUSE: ("POST", "/unpause"),
}
_CHANGING = (*_LIFE, control.KILL, control.REMOVE)
CONTROLS = (*_LIFE, control.KILL, control.REMOVE, control.INSPECT, *control.STREAMING)
_STREAMS = {1: "stdout", 2: "stderr"}


class Known(Protocol):
    """Says which containers there are."""

    period_s: float

    def get(self, id: str) -> Inspected | None:
        """One of them."""
        ...

    async def tick(self, now: float) -> None:
        """Look anew."""
        ...


class DockerControls:
    """Carries them out."""

    def __init__(self, client: Client, hiding: Hiding, known: Known, proc: str) -> None:
        self._client = Client(client.origin)
        self._hiding = hiding
        self._known = known
        self._proc = proc

    async def carry_out(self, asked: Asked) -> Answer:
        """One control. Raises ControlFailedError."""
        found = self._known.get(asked.node_id)
        if found is None:
            raise ControlFailedError("there is no such container any more")
        try:
            answer = await self._carry_out(asked, found)
            if asked.control in _CHANGING:
                with suppress(TimeoutError):  # so that the next report shows it; it is done anyway
                    async with asyncio.timeout(_LOOK_S):
                        await self._known.tick(time.time())
            return answer
        except HttpError as error:
            raise ControlFailedError(str(error)) from None

    async def _carry_out(self, asked: Asked, found: Inspected) -> Answer:
        path = f"/containers/{found.id}"
        match asked.control:
            case name if name in _LIFE:
                method, suffix = _LIFE[name]
                await self._do(method, path + suffix)
            case control.KILL:
                name = asked.arguments.get("signal", "KILL")
                if not name.isalnum():
                    raise ControlFailedError(f"{name[:40]!r} is no signal")
                await self._do("POST", f"{path}/kill?signal={name}")
            case control.REMOVE:
                await self._do("DELETE", f"{path}?v=0")
            case control.INSPECT:
                return Answer(describe(await self._do("GET", f"{path}/json"), self._hiding))
            case control.LOGS:
                return Answer(stream=lambda terminal: self._logs(asked, found, terminal))
            case control.EXEC:
                id = await self._make_exec(asked, found)
                return Answer(stream=lambda terminal: self._exec(id, asked, found, terminal))
            case control.ATTACH:
                return Answer(stream=lambda terminal: self._attach(found, terminal))
            case _:
                raise ControlFailedError(f"containers have no control {asked.control[:40]!r}")
        return Answer()

    async def _do(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        client = Client(self._client.origin)  # one that stops does not hold up the next
        try:
            answer = await client.request(method, path, body, headers, _TIMEOUT_S)
        finally:
            client.close()
        if answer.status == 304:
            return b""  # it was so already
        if answer.status >= 300:
            raise ControlFailedError(f"the Docker Engine refuses: {answer.message()}")
        return answer.body

    async def _logs(self, asked: Asked, found: Inspected, terminal: Terminal) -> int | None:
        tail = asked.arguments.get("tail", "100")
        tail = tail if tail.isdecimal() and int(tail) <= _MAX_TAIL else "100"
        follow = int(asked.arguments.get("follow", "true") == "true")
        times = int(asked.arguments.get("timestamps", "") == "true")
        query = f"stdout=1&stderr=1&tail={tail}&follow={follow}&timestamps={times}"
        path = f"/containers/{found.id}/logs?{query}"
        async with self._client.stream("GET", path) as exchange:
            if exchange.status != 200:
                raise ControlFailedError(f"the Docker Engine answers {exchange.status}")
            pumping = asyncio.create_task(
                _pump(exchange.chunks(), terminal, is_raw=found.config.tty)
            )
            leaving = asyncio.create_task(until_gone(terminal))
            await first(pumping, leaving)
        return None

    async def _make_exec(self, asked: Asked, found: Inspected) -> str:
        command = asked.arguments.get("command", "")
        body = {
            "AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": True,
            "Env": ["TERM=xterm-256color"],
            "Cmd": ["/bin/sh", "-c", command or _DEFAULT_SHELL],
        }  # fmt: skip
        data = await self._do("POST", f"/containers/{found.id}/exec", msgspec.json.encode(body))
        return str(msgspec.json.decode(data)["Id"])

    async def _exec(
        self, id: str, asked: Asked, found: Inspected, terminal: Terminal
    ) -> int | None:
        body = msgspec.json.encode({"Detach": False, "Tty": True})

        async def resize(rows: int, columns: int) -> None:
            await self._do("POST", f"/exec/{id}/resize?h={rows}&w={columns}")

        rows, columns = asked.arguments.get("rows", ""), asked.arguments.get("columns", "")
        size = (int(rows), int(columns)) if rows.isdecimal() and columns.isdecimal() else None
        try:
            await self._joined(f"/exec/{id}/start", body, terminal, resize, size, is_raw=True)
        finally:
            state = parse_exec(await self._do("GET", f"/exec/{id}/json"))
            if state.running:
                self._hang_up(state.pid, found)
        return state.exit_code

    def _hang_up(self, pid: int, found: Inspected) -> None:
        """As a terminal does that goes away: the Engine would let run on what ran in it."""
        with suppress(OSError):  # it has ended meanwhile, or is not ours
            if parse_container(Path(f"{self._proc}/{pid}/cgroup").read_bytes()) == found.id:
                os.kill(pid, signal.SIGHUP)

    async def _attach(self, found: Inspected, terminal: Terminal) -> int | None:
        path = f"/containers/{found.id}"

        async def resize(rows: int, columns: int) -> None:
            if found.config.tty:
                await self._do("POST", f"{path}/resize?h={rows}&w={columns}")

        query = "stream=1&stdin=1&stdout=1&stderr=1"
        is_raw = found.config.tty
        await self._joined(f"{path}/attach?{query}", b"", terminal, resize, None, is_raw=is_raw)
        return None

    async def _joined(
        self,
        path: str,
        body: bytes,
        terminal: Terminal,
        resize: Resize,
        size: tuple[int, int] | None,
        *,
        is_raw: bool,
    ) -> None:
        """Join a connection that the Engine gives over to a terminal."""
        reader, writer = await self._client.connect()
        try:
            headers = {"Upgrade": "tcp", "Connection": "Upgrade"}
            if body:
                headers["Content-Type"] = "application/json"
            writer.write(self._client.head("POST", path, len(body), headers) + body)
            await writer.drain()
            status, _ = await read_head(reader)
            if status not in (101, 200):
                raise ControlFailedError(f"the Docker Engine answers {status}")
            terminal.on_resize = resize
            if size is not None:
                with suppress(ControlFailedError):  # what has ended already has no size
                    await resize(*size)
            pumping = asyncio.create_task(_pump(_raw(reader), terminal, is_raw=is_raw))
            typing = asyncio.create_task(_type(terminal, writer))
            await first(pumping, typing)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise HttpError(f"the Docker Engine went away: {error}") from None
        finally:
            writer.close()


class Resize(Protocol):
    """Sets the size of a terminal."""

    async def __call__(self, rows: int, columns: int) -> None:
        """Set it."""
        ...


async def _raw(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(32 * 1024):
        yield data


async def _pump(parts: AsyncIterator[bytes], terminal: Terminal, *, is_raw: bool) -> None:
    if is_raw:
        async for data in parts:
            await terminal.write(data)
        return
    frames = Frames()
    async for data in parts:
        for channel, payload in frames.feed(data):
            await terminal.write(payload, channel)


class Frames:
    """The Engine's frames of output without a terminal: kind, length, payload. Pure."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._channel = "stdout"

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Payloads with their channel, as they are complete or not."""
        found = []
        while data:
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                found.append((self._channel, part))
                continue
            need = 8 - len(self._head)
            self._head, data = self._head + data[:need], data[need:]
            if len(self._head) == 8:
                self._channel = _STREAMS.get(self._head[0], "stdout")
                self._left = int.from_bytes(self._head[4:], "big")
                self._head = b""
        return found


async def _type(terminal: Terminal, writer: asyncio.StreamWriter) -> None:
    while data := await terminal.read():
        writer.write(data)
        await writer.drain()
