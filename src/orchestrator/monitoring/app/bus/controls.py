"""Controls that one replica is asked for and another one's probe carries out.

The replica that has a probe's channel listens on a subject of that probe, so that NATS itself knows
who has it, and says at once if nobody does. The replica that is asked checks who asks and keeps the
record; what comes over the bus is carried out, so whoever may publish there may control.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from orchestrator.monitoring.app.bus.contract import BusError, NobodyListensError
from orchestrator.monitoring.app.control.hub import (
    TIMEOUT_S,
    Hub,
    NotReachableError,
    Order,
)
from orchestrator.monitoring.report.control import Response

if TYPE_CHECKING:
    from orchestrator.monitoring.app.bus.link import Link

_PREFIX: Final = "orchestrator.app.controls"
_ANSWER_S: Final = TIMEOUT_S + 5  # the other replica itself waits so long for the probe


class Answer(msgspec.Struct, frozen=True):
    """Of the replica that has the probe."""

    is_reached: bool
    problem: str = ""
    result: str = ""


_encode = msgspec.msgpack.Encoder().encode
_answers = msgspec.msgpack.Decoder(Answer)
_orders = msgspec.msgpack.Decoder(Order)


class Controls:
    """Asks probes, wherever their channels are."""

    def __init__(self, hub: Hub, link: Link | None) -> None:
        self._hub = hub
        self._link = link

    async def ask(self, agent_id: str, order: Order) -> Response:
        """Raises NotReachableError."""
        if self._link is None or self._hub.is_connected(agent_id):
            return await self._hub.channel(agent_id).ask(order)
        try:
            said = await self._link.ask(_subject(agent_id), _encode(order), _ANSWER_S)
            answer = _answers.decode(said)
        except NobodyListensError:
            sentence = f"the probe {agent_id!r} has no control channel to any app"
            raise NotReachableError(sentence) from None
        except (BusError, msgspec.DecodeError) as error:
            sentence = f"the app that has the probe {agent_id!r} does not answer: {error}"
            raise NotReachableError(sentence) from None
        if not answer.is_reached:
            raise NotReachableError(answer.problem)
        return Response(0, answer.problem, answer.result)

    @asynccontextmanager
    async def offering(self, agent_id: str) -> AsyncIterator[None]:
        """Other replicas can ask this probe until the context ends."""
        link = self._link
        if link is None:
            yield
            return

        async def answer(asked: bytes) -> bytes:
            data = _encode(await self._carry_out(agent_id, asked))
            if len(data) > link.max_bytes:
                data = _encode(Answer(False, "the probe's answer is larger than the bus takes"))
            return data

        async with link.offering(_subject(agent_id), answer):
            yield

    async def _carry_out(self, agent_id: str, data: bytes) -> Answer:
        try:
            order = _orders.decode(data)
            response = await self._hub.channel(agent_id).ask(order)
        except msgspec.DecodeError as error:
            return Answer(False, f"another app asked for what is no control: {error}")
        except NotReachableError as error:
            return Answer(False, str(error))
        return Answer(True, response.problem, response.result)


def _subject(agent_id: str) -> str:
    """Of one probe; its id may have what a subject may not."""
    return f"{_PREFIX}.{agent_id.encode().hex()}"
