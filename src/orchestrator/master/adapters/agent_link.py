"""``/api/v1/agents/link``: the WebSocket of each agent (``mesos.link`` says what travels on it)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.master.adapters.streams import IdSource, Link, Outlets
from orchestrator.master.core.messages import AgentRegistered, AgentSaid, Input, LinkClosed, Send
from orchestrator.mesos import codec
from orchestrator.mesos.link import FromAgent, Register
from orchestrator.runtime.driver import Driver

_PROTOCOL_ERROR = 1002
_NORMAL_END = 1000
_REGISTER_S = 30.0  # an agent speaks first, and at once
_MESSAGES_A_TURN = 1000  # of one frame; then others have theirs
logger = logging.getLogger(__name__)


class LinkEndpoint:
    """Accepts links and moves their messages in and out of the driver."""

    def __init__(self, driver: Driver[Input, Send], outlets: Outlets, new_id: IdSource) -> None:
        self._driver = driver
        self._outlets = outlets
        self._new_id = new_id

    async def accept(self, socket: WebSocket) -> None:
        """Run one link to its end."""
        await socket.accept()
        link_id, link = self._new_id(), Link()
        self._outlets.links[link_id] = link
        reader = asyncio.create_task(self._read(socket, link_id))
        writer = asyncio.create_task(_write(socket, link))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            _report(reader, writer)
        finally:
            del self._outlets.links[link_id]
            self._driver.dispatch(LinkClosed(link_id))
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    async def _read(self, socket: WebSocket, link_id: str) -> None:
        ip = socket.client.host if socket.client else ""
        with suppress(WebSocketDisconnect):
            try:
                await self._read_messages(socket, link_id, ip)
            except TimeoutError:
                await socket.close(_PROTOCOL_ERROR, "REGISTER did not come in time")
            except codec.DecodeError as error:
                logger.warning("an agent at %s sent what is no message: %s", ip, error)
                await socket.close(_PROTOCOL_ERROR, "not a message of this link")

    async def _read_messages(self, socket: WebSocket, link_id: str, ip: str) -> None:
        async with asyncio.timeout(_REGISTER_S):
            messages = await _receive(socket)
        if not messages or not isinstance(messages[0], Register):
            await socket.close(_PROTOCOL_ERROR, "REGISTER comes first")
            return
        self._driver.dispatch(AgentRegistered(link_id, messages[0], ip))
        del messages[0]
        while True:
            for number, message in enumerate(messages, 1):
                if isinstance(message, Register):
                    await socket.close(_PROTOCOL_ERROR, "REGISTER comes once")
                    return
                self._driver.dispatch(AgentSaid(link_id, message))
                if number % _MESSAGES_A_TURN == 0:
                    await asyncio.sleep(0)
            messages = await _receive(socket)


async def _receive(socket: WebSocket) -> list[FromAgent]:
    """One frame. Raises DecodeError, WebSocketDisconnect."""
    frame = await socket.receive()
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame["code"])
    text = frame.get("text")
    if text is None:
        raise codec.DecodeError("a binary frame")
    return codec.decode(list[FromAgent], text)


async def _write(socket: WebSocket, link: Link) -> None:
    with suppress(WebSocketDisconnect):
        while frame := await link.take():
            await socket.send_text(frame)
        await socket.close(_NORMAL_END)


def _report(*ended: asyncio.Task[None]) -> None:
    """Log what ended a link if it was a fault of ours."""
    for task in ended:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            logger.error("an agent's link failed: %s", error, exc_info=error)
