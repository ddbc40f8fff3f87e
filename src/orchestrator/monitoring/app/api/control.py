"""Controls of one node and of many at once, and the record of them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.api.asking import Asked, Outcome, Target, carry_out
from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.app.control.audit import Record
from orchestrator.monitoring.report.control import Arguments
from orchestrator.monitoring.report.model import Key, Topology

MAX_NODES = 500
_AT_ONCE = 32


class OneControl(msgspec.Struct, frozen=True):
    """What a control needs to know."""

    arguments: Arguments = {}
    topology: Topology | None = None


class ManyControls(msgspec.Struct, frozen=True):
    """The same of many nodes."""

    control: Key
    nodes: Annotated[list[Target], Meta(min_length=1, max_length=MAX_NODES)]
    arguments: Arguments = {}


class ManyOutcomes(msgspec.Struct, frozen=True):
    """In the order of the nodes asked for."""

    outcomes: list[Outcome]
    failed: int


class AuditPage(msgspec.Struct, frozen=True):
    """The newest first."""

    records: list[Record]


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


async def list_audit(call: Call) -> AuditPage:
    """Who did what."""
    return AuditPage(call.monitor.audit.latest(call.count("limit", 100, 5000)))


def _address(call: Call) -> str:
    return call.request.client.host if call.request.client is not None else ""
