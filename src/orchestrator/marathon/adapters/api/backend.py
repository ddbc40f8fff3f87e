"""What the handlers of all resources share: the core to read from, and a way to ask it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from orchestrator import __version__
from orchestrator.marathon.adapters.event_stream import EventHub
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.core.deployment.plan import DeadlineWish
from orchestrator.marathon.core.effects import Command, Input, Outcome, Reply, Request
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.runtime.clock import Clock

ANSWER_TIMEOUT_S = 30.0
NO_WISH = DeadlineWish()
VERSION = "1.11.24"
"""The version of Marathon whose API this is; clients look at it."""
BUILD = f"orchestrator {__version__}"


class Backend:
    """The core behind the API.

    Reads look at the core's state directly: nothing changes while they do. Commands go through
    ``dispatch``, and are answered when what they changed is durable.
    """

    def __init__(
        self,
        marathon: Marathon,
        dispatch: Callable[[Input], None],
        hub: EventHub,
        config: MarathonConfig,
        clock: Clock,
    ) -> None:
        self.marathon = marathon
        self.state = marathon.state
        self.hub = hub
        self.config = config
        self.clock = clock
        self.started_at = clock.now()
        self._dispatch = dispatch
        self._tokens = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}

    async def ask(self, command: Command, deadline: DeadlineWish = NO_WISH) -> Outcome:
        """Have a command carried out; the deadline is for the deployment it leads to, if any.

        Raises Refusal, or TimeoutError when the disk hangs.
        """
        token = next(self._tokens)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        try:
            self._dispatch(Request(token, command, deadline))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await future
        finally:
            del self._waiting[token]

    def reply(self, reply: Reply) -> None:
        """The answer to a command; nobody may be waiting for it any more."""
        future = self._waiting.get(reply.token)
        if future is None or future.done():
            return
        if isinstance(reply.result, Refusal):
            future.set_exception(reply.result)
        else:
            future.set_result(reply.result)
