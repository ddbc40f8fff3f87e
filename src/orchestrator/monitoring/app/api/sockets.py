"""The WebSocket of those who watch a view."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.monitoring.app.access import Principal
from orchestrator.monitoring.app.api.table import refuse
from orchestrator.monitoring.app.api.views import parsed, view_named
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.app.watching import TooManyError, Watcher
from orchestrator.runtime.http import CLOSING

GOING_AWAY = 1001


async def watch(socket: WebSocket, monitor: Monitor, _who: Principal) -> None:
    """Frames of a view (``render.frames``) until either side goes."""
    try:
        view = view_named(socket.query_params.get("view", "containers"))
        query = parsed(socket.query_params.get("query", ""))
        channel, watcher = monitor.watching.watch(view, query, monitor.clock.now())
    except HTTPException as error:
        await refuse(socket, 4000 + error.status_code, error.detail)
        return
    except TooManyError as error:
        await refuse(socket, 4503, str(error))
        return
    try:
        await socket.accept()
        await until_first(socket, _send(socket, watcher), drain(socket))
    finally:
        monitor.watching.leave(channel, watcher, monitor.clock.now())


async def until_first(socket: WebSocket, *jobs: object) -> None:
    """Run until one of the jobs ends or the server closes; then close."""
    tasks = [asyncio.ensure_future(job) for job in jobs]  # type: ignore[call-overload]
    closing: asyncio.Event = socket.scope[CLOSING]
    tasks.append(asyncio.create_task(closing.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(RuntimeError):  # it is closed already
        await socket.close(GOING_AWAY if closing.is_set() else 1000)


async def drain(socket: WebSocket) -> None:
    """Wait for the client to go; what it says is not for us."""
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    except WebSocketDisconnect:
        pass


async def _send(socket: WebSocket, watcher: Watcher) -> None:
    while True:
        await socket.send_bytes(await watcher.next())
