"""A framework's connection to the master, as ``marathon/adapters/master_client.py`` keeps it.

It subscribes, reconnects with growing pauses when the stream ends or falls silent, sends calls in
order and acknowledgements without. A call that is not taken ends the stream: the framework then
reconciles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from orchestrator.mesos.scheduler import Call, CallType, Event, EventType
from orchestrator.simulator.connection import End
from orchestrator.simulator.kernel import Appointment
from orchestrator.simulator.master import Opened
from orchestrator.simulator.surroundings import MASTER, Surroundings

MISSED_HEARTBEATS = 3
PAUSE_S = (0.1, 5.0)
Post = Callable[[Call, str | None], str | None]


class SchedulerClient:
    """Connected from ``start`` to ``stop``; ``hear`` and ``lost`` are told what happens."""

    def __init__(
        self,
        around: Surroundings,
        name: str,
        post: Post,
        subscription: Callable[[], Call],
        hear: Callable[[Event], None],
        lost: Callable[[], None],
    ) -> None:
        self._around = around
        self._name = name
        self._post = post
        self._subscription = subscription
        self._hear = hear
        self._lost = lost
        self._is_up = True
        self._end: End | None = None
        self._stream: str | None = None
        self._is_subscribed = False
        self._heartbeat_s = 15.0
        self._silence: Appointment | None = None
        self._pause_s = PAUSE_S[0]
        self._calls: deque[Call] = deque()
        self._is_calling = False

    def start(self) -> None:
        """Subscribe as soon as there is a master."""

        def opened() -> None:
            if self._end is end and (subscribe := self._subscription().subscribe):
                end.send(subscribe)

        def lose(_: str) -> None:
            if self._end is end:
                self._end_stream()

        end = self._around.network.connect(self._name, MASTER, opened, lose)
        end.hear = self._receive
        self._end = end
        self._listen()

    def stop(self) -> None:
        """Be gone with the process."""
        self._is_up = False
        self._end = self._stream = None
        if self._silence is not None:
            self._silence.cancel()

    def send(self, call: Call) -> None:
        """Make a call; dropped while there is no stream."""
        if not self._is_subscribed:
            return
        if call.type is CallType.ACKNOWLEDGE:
            self._request(call, lambda _: None)
        else:
            self._calls.append(call)
            self._next_call()

    def _next_call(self) -> None:
        if self._calls and not self._is_calling:
            self._is_calling = True
            stream = self._stream
            self._request(self._calls.popleft(), lambda problem: self._answered(problem, stream))

    def _request(self, call: Call, answered: Callable[[str | None], None]) -> None:
        stream = self._stream
        network = self._around.network
        network.request(self._name, MASTER, lambda: self._post(call, stream), answered)

    def _answered(self, problem: str | None, stream: str | None) -> None:
        if stream != self._stream:
            return  # of a stream that has ended meanwhile
        self._is_calling = False
        if problem is None:
            self._next_call()
        else:
            self._give_up()

    def _receive(self, message: object) -> None:
        if isinstance(message, Opened):
            self._stream = message.stream
        if not isinstance(message, Event):
            return
        if message.type is EventType.SUBSCRIBED and message.subscribed:
            self._is_subscribed = True
            self._pause_s = PAUSE_S[0]
            self._heartbeat_s = message.subscribed.heartbeat_interval_seconds or 15.0
        self._listen()
        self._hear(message)

    def _listen(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
        patience_s = self._heartbeat_s * MISSED_HEARTBEATS
        self._silence = self._around.kernel.after(patience_s, self._give_up)

    def _give_up(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end_stream()

    def _end_stream(self) -> None:
        self._end = self._stream = None
        self._calls.clear()
        self._is_calling = False
        if self._silence is not None:
            self._silence.cancel()
        was_subscribed, self._is_subscribed = self._is_subscribed, False
        if was_subscribed:
            self._lost()
        delay_s = self._pause_s * self._around.kernel.between(0.5, 1.5)
        self._pause_s = min(self._pause_s * 2, PAUSE_S[1])
        self._around.kernel.after(delay_s, lambda: self.start() if self._may_start else None)

    @property
    def _may_start(self) -> bool:
        return self._is_up and self._end is None
