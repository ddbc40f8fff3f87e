"""Controls: of one node, of many at once, as streams; the probes' channel; the audit record."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.monitoring.app.access import Principal
from orchestrator.monitoring.app.api.sockets import until_first
from orchestrator.monitoring.app.api.table import Call, refuse
from orchestrator.monitoring.app.control.audit import AuditError, Record
from orchestrator.monitoring.app.control.hub import (
    ControlStream,
    NotReachableError,
    Order,
    ProbeChannel,
)
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import ControlError, Output, Ping, ProbeEnd, Response
from orchestrator.monitoring.report.model import Key, NodeId, Text, Topology

MAX_NODES = 500
_AT_ONCE = 32
_MAX_CONTROL_JSON = 4096


class Target(msgspec.Struct, frozen=True):
    """A node, and the probe that is to act on it."""

    agent_id: str
    node_id: NodeId
    topology: Topology | None = None
    """May be left out where the probe reports only one node of this id with the control."""


class OneControl(msgspec.Struct, frozen=True):
    """What a control needs to know."""

    arguments: Annotated[dict[Key, Text], Meta(max_length=32)] = {}
    topology: Topology | None = None


class ManyControls(msgspec.Struct, frozen=True):
    """The same of many nodes."""

    control: Key
    nodes: Annotated[list[Target], Meta(min_length=1, max_length=MAX_NODES)]
    arguments: Annotated[dict[Key, Text], Meta(max_length=32)] = {}


class Outcome(msgspec.Struct, frozen=True):
    """What became of one."""

    agent_id: str
    node_id: str
    control: str
    status: int
    """As of an HTTP answer: 200 done, 403 not allowed, 404 no such control of such a node, 409 the
    probe could not, 502 the probe was not reached."""
    problem: str = ""
    result: str = ""


class ManyOutcomes(msgspec.Struct, frozen=True):
    """In the order of the nodes asked for."""

    outcomes: list[Outcome]
    failed: int


class AuditPage(msgspec.Struct, frozen=True):
    """The newest first."""

    records: list[Record]


class Asked(msgspec.Struct, frozen=True):
    """A control on its way, for the record."""

    monitor: Monitor
    who: Principal
    address: str
    target: Target
    control: str
    arguments: dict[str, str]


async def control_one(call: Call) -> Outcome:
    """One control of one node."""
    body = await call.body(OneControl) if await call.request.body() else OneControl()
    target = Target(call.path("agent"), call.path("node"), body.topology)
    asked = Asked(
        call.monitor, call.who, _address(call), target, call.path("control"), body.arguments
    )
    outcome = await carry_out(asked)
    if outcome.status != 200:
        raise HTTPException(outcome.status, outcome.problem)
    return outcome


async def control_many(call: Call) -> ManyOutcomes:
    """One control of many nodes, some at a time; each has its own outcome."""
    body = await call.body(ManyControls)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(target: Target) -> Outcome:
        async with gate:
            return await carry_out(
                Asked(call.monitor, call.who, _address(call), target, body.control, body.arguments)
            )

    outcomes = list(await asyncio.gather(*map(one, body.nodes)))
    return ManyOutcomes(outcomes, sum(outcome.status != 200 for outcome in outcomes))


async def carry_out(asked: Asked) -> Outcome:
    """Allow, record, ask, record."""
    try:
        order = _order(asked)
        number = _record_question(asked, order)
        response = await _recorded(asked, number, order)
        if response.problem:
            raise HTTPException(409, response.problem)
    except HTTPException as error:
        return _outcome(asked, error.status_code, error.detail)
    return _outcome(asked, 200, "", response.result)


async def list_audit(call: Call) -> AuditPage:
    """Who did what."""
    return AuditPage(call.monitor.audit.latest(call.count("limit", 100, 5000)))


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
    except msgspec.ValidationError as error:
        await refuse(socket, 4400, str(error))
        return
    address = socket.client.host if socket.client is not None else ""
    opened = await _open(Asked(monitor, who, address, target, name, values))
    if isinstance(opened, HTTPException):
        await refuse(socket, 4000 + opened.status_code, opened.detail)
        return
    await socket.accept()
    try:
        await until_first(socket, _show(socket, opened), _type(socket, opened))
    finally:
        await _closed(opened)


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
    monitor.hub.add(agent_id, channel)
    try:
        async with monitor.controls.offering(agent_id):
            await until_first(
                socket, _receive(socket, channel), _ping(channel), channel.closed.wait()
            )
    finally:
        monitor.hub.remove(agent_id, channel)


def _order(asked: Asked) -> Order:
    """What to ask of the probe. Raises HTTPException."""
    if not asked.monitor.access.may(asked.who, asked.control):
        sentence = f"the role {asked.who.role} may not {asked.control}"
        _record(asked, asked.monitor.audit.next_number(), "denied", "", sentence)
        raise HTTPException(403, sentence)
    kept = asked.monitor.picture.kept.get(asked.target.agent_id)
    if kept is None:
        sentence = f"the probe {asked.target.agent_id[:200]!r} is not known"
        raise HTTPException(404, sentence)
    offering = [
        topology
        for topology, nodes in kept.report.nodes.items()
        if asked.target.topology in (None, topology)
        for node in nodes
        if node.id == asked.target.node_id and asked.control in node.controls
    ]
    if not offering:
        raise HTTPException(
            404,
            f"the probe {asked.target.agent_id} offers no {asked.control[:100]!r} "
            f"of {asked.target.node_id[:200]!r} now",
        )
    return Order(offering[0], asked.target.node_id, asked.control, asked.arguments, asked.who.name)


def _record_question(asked: Asked, order: Order) -> int:
    number = asked.monitor.audit.next_number()
    _record(asked, number, "asked", order.topology)
    asked.monitor.counts.controls += 1
    return number


async def _recorded(asked: Asked, number: int, order: Order) -> Response:
    """The probe's response, which is in the record then. Raises HTTPException."""
    try:
        response = await asked.monitor.controls.ask(asked.target.agent_id, order)
    except NotReachableError as error:
        asked.monitor.counts.controls_failed += 1
        _record(asked, number, "failed", "", str(error))
        raise HTTPException(502, str(error)) from None
    if response.problem:
        asked.monitor.counts.controls_failed += 1
        _record(asked, number, "failed", "", response.problem)
    else:
        _record(asked, number, "done", "")
    return response


def _record(asked: Asked, number: int, outcome: str, topology: str, problem: str = "") -> None:
    record = msgspec.convert(
        {
            "at": asked.monitor.clock.now(),
            "number": number,
            "outcome": outcome,
            "user": asked.who.name,
            "role": asked.who.role,
            "address": asked.address,
            "agent_id": asked.target.agent_id,
            "topology": topology or asked.target.topology or "",
            "node_id": asked.target.node_id,
            "control": asked.control,
            "arguments": asked.arguments if outcome == "asked" else {},
            "problem": problem,
        },
        Record,
    )
    if outcome == "denied":
        asked.monitor.counts.controls_refused += 1
    try:
        asked.monitor.audit.write(record)
    except AuditError as error:
        if outcome == "asked":  # else the probe has answered, and its answer is the truth
            raise HTTPException(503, str(error)) from None


def _outcome(asked: Asked, status: int, problem: str, result: str = "") -> Outcome:
    target = asked.target
    return Outcome(target.agent_id, target.node_id, asked.control, status, problem, result)


def _address(call: Call) -> str:
    return call.request.client.host if call.request.client is not None else ""


async def _open(asked: Asked) -> ControlStream | HTTPException:
    """A stream, or why there is none."""
    try:
        order = _order(asked)
        number = _record_question(asked, order)
        channel = asked.monitor.hub.channel(asked.target.agent_id)
        opened = await channel.open(order)
    except HTTPException as error:
        return error
    except NotReachableError as error:
        _record(asked, number, "failed", "", str(error))
        return HTTPException(502, str(error))
    if isinstance(opened, ControlStream):
        _record(asked, number, "done", "")
        return opened
    problem = opened.problem or "this control gives no stream"
    _record(asked, number, "failed", "", problem)
    return HTTPException(409, problem)


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


async def _ping(channel: ProbeChannel) -> None:
    try:
        while True:
            await channel.send(Ping())
            await asyncio.sleep(control.PING_S)
    except NotReachableError:
        return
