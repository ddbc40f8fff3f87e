"""The channel that a probe opens, over which it is asked (``report.control``)."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.monitoring.app.access import Principal
from orchestrator.monitoring.app.api.sockets import until_first
from orchestrator.monitoring.app.api.table import refuse
from orchestrator.monitoring.app.control.hub import NotReachableError, ProbeChannel
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import ControlError


async def probe_channel(socket: WebSocket, monitor: Monitor, _who: Principal) -> None:
    """The channel that a probe opens (``report.control``)."""
    agent_id = socket.query_params.get("agent_id", "")
    instance = socket.query_params.get("instance", "")
    agent = monitor.roster.get(agent_id)
    if agent is None or not instance:
        await refuse(socket, 4404, "this probe is not known: register first")
        return
    if agent.instance != instance:
        await refuse(socket, control.SUPERSEDED, "another probe with this id started later")
        return
    await socket.accept()
    channel = ProbeChannel(instance, socket.send_bytes)
    async with monitor.controls.offering(agent_id, channel):
        monitor.hub.add(agent_id, channel)
        try:
            await until_first(
                socket, _receive(socket, channel), channel.ping(), channel.closed.wait()
            )
        finally:
            monitor.hub.remove(agent_id, channel)


async def _receive(socket: WebSocket, channel: ProbeChannel) -> None:
    try:
        while True:
            async with asyncio.timeout(3 * control.PING_S):
                frame = await socket.receive_bytes()
            reply = channel.receive(control.decode_from_probe(frame))
            if reply is not None:
                await channel.send(reply)
    except ControlError as error:
        channel.close(str(error))
        await socket.close(control.MALFORMED, str(error)[:120])
    except KeyError:
        channel.close("the probe sent text where a message was due")
        await socket.close(control.MALFORMED, "frames are binary")
    except (WebSocketDisconnect, TimeoutError, NotReachableError):
        return
