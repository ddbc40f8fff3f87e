"""Keeps the control channel open: connects, reads messages, and connects again, later each time."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from urllib.parse import urlencode

from orchestrator.monitoring.probe.control.controllers import Controllers
from orchestrator.monitoring.probe.control.desk import Desk
from orchestrator.monitoring.probe.http import websocket
from orchestrator.monitoring.probe.http.client import Client
from orchestrator.monitoring.probe.http.exchange import HttpError, read_head
from orchestrator.monitoring.probe.http.websocket import Frame, WebSocketError
from orchestrator.monitoring.probe.publishing.publisher import wait_s
from orchestrator.monitoring.report import control, paths
from orchestrator.monitoring.report.control import ControlError, FromProbe

logger = logging.getLogger(__name__)
_CONNECT_S = 20.0
_SILENCE_S = 3 * control.PING_S
_SEND_S = 30.0
_READ_BYTES = 64 * 1024
_NORMAL = 1000
_LEAVING = (1001).to_bytes(2, "big")


class Channel:
    """The channel of one instance of the probe."""

    def __init__(
        self,
        client: Client,
        agent_id: str,
        instance: str,
        controllers: Controllers,
        is_registered: asyncio.Event,
    ) -> None:
        self.is_open = False
        self._client = client
        self._path = f"{paths.CONTROL}?{urlencode({'agent_id': agent_id, 'instance': instance})}"
        self._controllers = controllers
        self._is_registered = is_registered

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._is_registered.wait()
            try:
                if await self._serve():
                    failures = 0
            except (HttpError, WebSocketError, ControlError, OSError, EOFError) as error:
                logger.info("the control channel has closed: %s", error)
            except TimeoutError:
                logger.info("the control channel has closed: the app is silent")
            await asyncio.sleep(wait_s(failures, random.random()))
            failures += 1

    async def _serve(self) -> bool:
        """One connection, to its end; whether it was ever open."""
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await self._client.connect()
            try:
                await self._shake_hands(reader, writer)
            except BaseException:
                writer.close()
                raise
        self.is_open = True
        lock = asyncio.Lock()

        async def send(message: FromProbe) -> None:
            async with lock, asyncio.timeout(_SEND_S):
                await _send(writer, websocket.BINARY, control.encode(message))

        desk = Desk(self._controllers, send)
        try:
            await self._read(reader, writer, desk)
        finally:
            self.is_open = False
            if not writer.is_closing():
                writer.write(websocket.frame(websocket.CLOSE, _LEAVING, secrets.token_bytes(4)))
            writer.close()
            await desk.close()
        return True

    async def _shake_hands(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        key = websocket.key_of(secrets.token_bytes(16))
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        writer.write(self._client.head("GET", self._path, None, headers))
        await writer.drain()
        status, said = await read_head(reader)
        if status != 101:
            raise HttpError(f"the app gives no control channel: status {status}")
        if said.get("sec-websocket-accept") != websocket.accept_of(key):
            raise HttpError("the app gives no control channel: its handshake is wrong")

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, desk: Desk
    ) -> None:
        frames = websocket.Reader()
        while True:
            async with asyncio.timeout(_SILENCE_S):
                data = await reader.read(_READ_BYTES)
            if not data:
                raise EOFError("the app has closed it")
            for frame in frames.feed(data):
                if not await self._take(frame, writer, desk):
                    return

    async def _take(self, frame: Frame, writer: asyncio.StreamWriter, desk: Desk) -> bool:
        """One frame; False if it was the last."""
        match frame.kind:
            case websocket.BINARY:
                await desk.receive(control.decode_from_app(frame.data))
            case websocket.PING:
                await _send(writer, websocket.PONG, frame.data)
            case websocket.CLOSE:
                said = websocket.closing(frame.data)
                await _send(writer, websocket.CLOSE, frame.data[:2])
                if said.code in (_NORMAL, 1001, 1005, 1012):
                    return False
                if said.code == 4404:
                    self._is_registered.clear()  # an app that knows nobody, after a restart
                raise EOFError(said.reason or f"the app closed it with code {said.code}")
            case _:
                pass
        return True


async def _send(writer: asyncio.StreamWriter, kind: int, data: bytes) -> None:
    writer.write(websocket.frame(kind, data, secrets.token_bytes(4)))
    await writer.drain()
