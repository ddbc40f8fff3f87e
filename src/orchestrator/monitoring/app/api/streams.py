"""Logs, shells and terminals: a WebSocket of the user, joined to a stream of the probe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.monitoring.app.access import Principal
from orchestrator.monitoring.app.api.asking import (
    Asked,
    Target,
    order_of,
    record_question,
    write_record,
)
from orchestrator.monitoring.app.api.sockets import until_first
from orchestrator.monitoring.app.api.table import refuse
from orchestrator.monitoring.app.control.hub import ControlStream, NotReachableError
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import Output, ProbeEnd

_MAX_CONTROL_JSON = 4096


async def stream(socket: WebSocket, monitor: Monitor, who: Principal) -> None:
    """Logs, a shell or a container's own terminal.

    Binary frames are what is written and typed. Text frames are JSON: from the user
    ``{"rows": .., "columns": ..}``, from the app at the end ``{"problem": .., "exit_code": ..}``.
    """
    values = dict(socket.query_params)
    values.pop("access_token", None)
    agent, node = values.pop("agent", ""), values.pop("node", "")
    name, topology = values.pop("control", control.LOGS), values.pop("topology", None)
    try:
        target = msgspec.convert({"agent_id": agent, "node_id": node, "topology": topology}, Target)
        arguments = msgspec.convert(values, control.Arguments)
    except msgspec.ValidationError as error:
        await refuse(socket, 4400, str(error).replace("`", ""))
        return
    address = socket.client.host if socket.client is not None else ""
    try:
        async with _opened(Asked(monitor, who, address, target, name, arguments)) as opened:
            await socket.accept()
            await until_first(socket, _show(socket, opened), _type(socket, opened))
    except HTTPException as error:
        await refuse(socket, 4000 + error.status_code, error.detail)


@asynccontextmanager
async def _opened(asked: Asked) -> AsyncIterator[ControlStream]:
    """A stream, until the context ends. Raises HTTPException."""
    if asked.control not in control.STREAMING:
        streaming = ", ".join(control.STREAMING)
        raise HTTPException(400, f"{asked.control[:40]} is no stream; there are {streaming}")
    order = order_of(asked)
    number = record_question(asked, order)
    async with AsyncExitStack() as stack:
        try:
            reaching = asked.monitor.controls.channel(asked.target.agent_id)
            channel = await stack.enter_async_context(reaching)
            opened = await channel.open(order)
        except NotReachableError as error:
            write_record(asked, number, "failed", "", str(error))
            raise HTTPException(502, str(error)) from None
        if not isinstance(opened, ControlStream):
            problem = opened.problem or "this control gives no stream"
            write_record(asked, number, "failed", "", problem)
            raise HTTPException(409, problem)
        stack.push_async_callback(_closed, opened)
        write_record(asked, number, "done", "")
        yield opened


async def _show(socket: WebSocket, opened: ControlStream) -> None:
    while True:
        match await opened.read():
            case Output(data=data):
                await socket.send_bytes(data)
            case ProbeEnd(problem=problem, exit_code=exit_code):
                end = {"problem": problem, "exit_code": exit_code}
                await socket.send_text(msgspec.json.encode(end).decode())
                return


async def _type(socket: WebSocket, opened: ControlStream) -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (data := message.get("bytes")) is not None:
                await opened.write(data)
            elif (size := _size(message.get("text") or "")) is not None:
                await opened.resize(*size)
    except (WebSocketDisconnect, NotReachableError):
        return


def _size(text: str) -> tuple[int, int] | None:
    """Rows and columns; None if the text says something else."""
    if len(text) > _MAX_CONTROL_JSON:
        return None
    try:
        said = msgspec.json.decode(text, type=dict[str, Annotated[int, Meta(ge=1, le=10_000)]])
        return said["rows"], said["columns"]
    except (msgspec.DecodeError, KeyError):
        return None


async def _closed(opened: ControlStream) -> None:
    try:
        await opened.close()
    except NotReachableError:
        return
