"""A control on its way: who may, what is recorded, what becomes of it.

It is written to the record before the probe is asked and once more when it has answered.
"""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.access import Principal
from orchestrator.monitoring.app.control.audit import AuditError, Record
from orchestrator.monitoring.app.control.hub import NotReachableError, Order
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report.control import STREAMING, Response
from orchestrator.monitoring.report.model import NodeId, Topology


class Target(msgspec.Struct, frozen=True):
    """A node, and the probe that is to act on it."""

    agent_id: str
    node_id: NodeId
    topology: Topology | None = None
    """May be left out where the probe reports only one node of this id with the control."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one."""

    agent_id: str
    node_id: str
    control: str
    status: int
    """As of an HTTP answer: 200 done, 400 it is a stream, 403 not allowed, 404 no such control of
    such a node, 409 the probe could not, 502 the probe was not reached."""
    problem: str = ""
    result: str = ""


class Asked(msgspec.Struct, frozen=True):
    """A control on its way, for the record."""

    monitor: Monitor
    who: Principal
    address: str
    target: Target
    control: str
    arguments: dict[str, str]


async def carry_out(asked: Asked) -> Outcome:
    """Allow, record, ask, record."""
    if asked.control in STREAMING:
        sentence = f"{asked.control} is a stream: open the WebSocket /api/v1/control/stream"
        return _outcome(asked, 400, sentence)
    try:
        order = order_of(asked)
        number = record_question(asked, order)
        response = await _recorded(asked, number, order)
        if response.problem:
            raise HTTPException(409, response.problem)
    except HTTPException as error:
        return _outcome(asked, error.status_code, error.detail)
    return _outcome(asked, 200, "", response.result)


def order_of(asked: Asked) -> Order:
    """What to ask of the probe. Raises HTTPException."""
    if not asked.monitor.access.may(asked.who, asked.control):
        sentence = f"the role {asked.who.role} may not {asked.control}"
        write_record(asked, asked.monitor.audit.next_number(), "denied", "", sentence)
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


def record_question(asked: Asked, order: Order) -> int:
    """Before the probe is asked; the number of the question. Raises HTTPException."""
    number = asked.monitor.audit.next_number()
    write_record(asked, number, "asked", order.topology)
    asked.monitor.counts.controls += 1
    return number


async def _recorded(asked: Asked, number: int, order: Order) -> Response:
    """The probe's response, which is in the record then. Raises HTTPException."""
    try:
        async with asked.monitor.controls.channel(asked.target.agent_id) as channel:
            response = await channel.ask(order)
    except NotReachableError as error:
        asked.monitor.counts.controls_failed += 1
        write_record(asked, number, "failed", "", str(error))
        raise HTTPException(502, str(error)) from None
    if response.problem:
        asked.monitor.counts.controls_failed += 1
        write_record(asked, number, "failed", "", response.problem)
    else:
        write_record(asked, number, "done", "")
    return response


def write_record(asked: Asked, number: int, outcome: str, topology: str, problem: str = "") -> None:
    """Raises HTTPException if a question cannot be written: then it is not asked."""
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
