"""A client of the Docker Engine API over its unix socket, as small as the agent needs it.

Source: the Engine API reference, versions 1.41 (Docker 20.10) and later.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from orchestrator.agent.adapters.docker import wire
from orchestrator.agent.adapters.docker.wire import Death, Inspection, OutOfMemory

REQUEST_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 10.0
SILENCE_S = 90.0  # a pull of which nothing is heard for so long will not end
MAX_LINE_BYTES = 16 * 1024 * 1024
NEWEST_API = (1, 44)  # the newest version this was written for
T = TypeVar("T")


class EngineError(Exception):
    """The Engine refused, or does not answer (status 0); the text is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_absence(self) -> bool:
        """Whether there is no Engine to talk to."""
        return self.status == 0


def socket_from(setting: str, environment: Mapping[str, str]) -> Path | None:
    """Where the Engine listens: DOCKER_HOST, when that is a unix socket, before the setting.

    An empty setting switches Docker off, whatever the environment says.
    """
    host = environment.get("DOCKER_HOST", "")
    if setting and host.startswith("unix://"):
        return Path(host.removeprefix("unix://"))
    return Path(setting) if setting else None


class Engine:
    """One Engine. Every method raises EngineError; absent containers and images are status 404."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.prefix = ""
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def negotiate(self) -> None:
        """Find out whether it answers, and which version of the API both sides speak."""
        body = await self._request("GET", "/version", prefix="")
        chosen = min(_read(body, wire.Version).numbers, NEWEST_API)
        self.prefix = f"/v{chosen[0]}.{chosen[1]}"

    async def info(self) -> wire.Info:
        """What it says of itself."""
        return _read(await self._request("GET", "/info"), wire.Info)

    # --- containers ----------------------------------------------------------------------------

    async def create(self, name: str, body: object) -> None:
        """Create a container. Status 404: there is no such image; 409: there is the container."""
        await self._request("POST", "/containers/create", params={"name": name}, body=body)

    async def start(self, name: str) -> None:
        """Start it; nothing happens when it runs."""
        await self._request("POST", f"/containers/{name}/start")

    async def connect(self, network: str, name: str, endpoint: object) -> None:
        """Let a container join a further network."""
        body = {"Container": name, "EndpointConfig": endpoint}
        await self._request("POST", f"/networks/{quote(network, safe='')}/connect", body=body)

    async def resize(self, name: str, rows: int, columns: int) -> None:
        """Give the container's terminal a size."""
        params = {"h": str(rows), "w": str(columns)}
        await self._request("POST", f"/containers/{name}/resize", params=params)

    async def inspect(self, name: str) -> Inspection:
        """All about it."""
        body = await self._request("GET", f"/containers/{name}/json")
        return msgspec.structs.replace(_read(body, Inspection), raw=body)

    async def stop(self, name: str, grace_s: int) -> None:
        """Send its stop signal, SIGKILL after the grace, and wait for its end."""
        timeout_s = grace_s + REQUEST_TIMEOUT_S
        params = {"t": str(grace_s)}
        await self._request("POST", f"/containers/{name}/stop", params=params, timeout_s=timeout_s)

    async def remove(self, name: str) -> None:
        """Remove it with its anonymous volumes, running or not."""
        await self._request("DELETE", f"/containers/{name}", params={"force": "1", "v": "1"})

    async def containers(self, label: str | None = None) -> list[wire.Summary]:
        """All containers, running or not; those that carry ``key=value`` if a label is given."""
        filters = {"label": [label]} if label else {}
        params = {"all": "1", "filters": json.dumps(filters)}
        body = await self._request("GET", "/containers/json", params=params)
        return _read(body, list[wire.Summary])

    @asynccontextmanager
    async def events(self, label: str) -> AsyncIterator[AsyncIterator[Death | OutOfMemory]]:
        """From now on, each labelled container that ends, or runs out of memory."""
        filters = {"type": ["container"], "event": ["die", "oom"], "label": [label]}
        async with self._stream("GET", "/events", {"filters": json.dumps(filters)}) as response:
            yield _events(response)

    @asynccontextmanager
    async def logs(self, name: str, since: str = "0") -> AsyncIterator[aiohttp.StreamReader]:
        """Its output with times, from ``since`` (``seconds.nanoseconds``) until it ends."""
        params = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1", "since": since}
        async with self._stream("GET", f"/containers/{name}/logs", params) as response:
            yield response.content

    # --- images --------------------------------------------------------------------------------

    async def images(self) -> list[wire.ImageSummary]:
        """All images, without those that only others are made of."""
        body = await self._request("GET", "/images/json")
        return _read(body, list[wire.ImageSummary])

    async def image_id(self, name: str) -> str:
        """The id of an image by any of its names."""
        body = await self._request("GET", f"/images/{quote(name)}/json")
        return _read(body, wire.Created).id

    async def remove_image(self, name: str) -> None:
        """Take a name from an image, and with its last name the image. Status 409: in use."""
        await self._request("DELETE", f"/images/{quote(name)}")

    async def pull(self, image: str, auth: str | None = None) -> None:
        """Pull an image by its full name (with tag or digest). ``auth``: X-Registry-Auth."""
        headers = {"X-Registry-Auth": auth} if auth else {}
        params = {"fromImage": image}
        stream = self._stream("POST", "/images/create", params, headers, silence_s=SILENCE_S)
        async with stream as response:
            async for line in _lines(response):
                if problem := _read(line, wire.Progress).error:
                    raise EngineError(500, problem)

    # --- commands in a container ---------------------------------------------------------------

    async def create_exec(self, name: str, body: object) -> str:
        """Prepare a command in a running container (409: it does not run); its id."""
        answer = await self._request("POST", f"/containers/{name}/exec", body=body)
        return _read(answer, wire.Created).id

    async def resize_exec(self, exec_id: str, rows: int, columns: int) -> None:
        """Give the command's terminal a size."""
        params = {"h": str(rows), "w": str(columns)}
        await self._request("POST", f"/exec/{exec_id}/resize", params=params)

    async def inspect_exec(self, exec_id: str) -> wire.ExecInspection:
        """How the command does, or how it ended."""
        body = await self._request("GET", f"/exec/{exec_id}/json")
        return _read(body, wire.ExecInspection)

    # --- requests ------------------------------------------------------------------------------

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        prefix: str | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> bytes:
        url = f"http://docker{self.prefix if prefix is None else prefix}{path}"
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            async with self._open().request(
                method, url, params=params, json=body, timeout=timeout
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.absence(error) from None
        if response.status >= 400:
            raise EngineError(response.status, message(answer))
        return answer

    @asynccontextmanager
    async def _stream(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        silence_s: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_read=silence_s)
        url = f"http://docker{self.prefix}{path}"
        try:
            async with self._open().request(
                method, url, params=params, headers=headers, timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise EngineError(response.status, message(await response.read()))
                yield response
        except aiohttp.SocketTimeoutError:
            raise EngineError(504, f"nothing was heard of it for {silence_s:.0f} seconds") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.absence(error) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(path=short(self.socket), limit=0)
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=1 << 18)
        return self._session

    def absence(self, error: Exception) -> EngineError:
        """What to say when there is no Engine."""
        return EngineError(0, f"no Docker Engine answers at {self.socket}: {_reason(error)}")


def short(socket: Path) -> str:
    """The path, if need be from here: a unix socket's is limited to 107 bytes."""
    path = str(socket)
    return path if len(path.encode()) < 108 else os.path.relpath(path)


def message(body: bytes) -> str:
    """What an answer that refuses says."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _read(answer: bytes, kind: type[T]) -> T:
    """What the Engine says; what nobody understands is no answer. Raises EngineError."""
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EngineError(502, f"the Docker Engine's answer is not understood: {error}") from None


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise EngineError(500, "the Docker Engine sends a line without an end")
        for line in lines:
            if line.strip():
                yield line


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Death | OutOfMemory]:
    async for line in _lines(response):
        event = _read(line, wire.Happening)
        if event.action == "oom":
            yield OutOfMemory(event.actor.id)
        else:
            labels = event.actor.attributes or {}
            yield Death(event.actor.id, labels, _status(labels.get("exitCode", "")))


def _status(text: str) -> int:
    return int(text) if text.isdigit() else 0
