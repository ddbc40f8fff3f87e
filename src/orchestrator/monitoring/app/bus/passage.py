"""What another replica asks of a probe: its messages, with ids of the probe's own channel.

Replicas number their requests each by themselves. On the way to the probe a number becomes one that
is free on its channel, and on the way back it becomes again what it was; all else, and with it the
credit that bounds a stream, is between the probe and the replica that asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from orchestrator.monitoring.app.control.hub import ProbeChannel
from orchestrator.monitoring.report.control import (
    AppEnd,
    FromApp,
    FromProbe,
    Ping,
    Pong,
    ProbeEnd,
    Request,
    Response,
)


class Passage:
    """One replica's way to a probe."""

    def __init__(self, channel: ProbeChannel, answer: Callable[[FromProbe], None]) -> None:
        self._channel = channel
        self._answer = answer
        self._ids: dict[int, int] = {}
        """The channel's, by those of the replica."""

    async def receive(self, message: FromApp) -> None:
        """Pass on what the replica says. Raises NotReachableError."""
        match message:
            case Ping():
                self._answer(Pong())
            case Request(id=id):
                ours = self._ids[id] = self._channel.lend(partial(self._take, id))
                await self._channel.send(replace(message, id=ours))
            case _ if message.stream in self._ids:
                await self._channel.send(replace(message, stream=self._ids[message.stream]))
                if isinstance(message, AppEnd):
                    self._forget(message.stream)
            case _:
                pass  # it has just ended

    async def close(self) -> None:
        """The replica is gone, and with it who reads the streams."""
        for id in list(self._ids):
            ours = self._forget(id)
            if not self._channel.closed.is_set():
                await self._channel.send(AppEnd(ours))

    def _take(self, id: int, message: FromProbe) -> None:
        match message:
            case Pong():
                return
            case Response():
                self._answer(replace(message, id=id))
                if message.problem or not message.streams:
                    self._forget(id)
            case _:
                self._answer(replace(message, stream=id))
                if isinstance(message, ProbeEnd):
                    self._forget(id)

    def _forget(self, id: int) -> int:
        ours = self._ids.pop(id)
        self._channel.forget(ours)
        return ours
