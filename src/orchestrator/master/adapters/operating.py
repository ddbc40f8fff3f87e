"""Operators' commands on their way into the core, and the answers back."""

from __future__ import annotations

import asyncio

from orchestrator.master.adapters.streams import Outlets
from orchestrator.master.core.commands import OperatorCommand
from orchestrator.master.core.messages import Input, Operated, Send
from orchestrator.runtime.driver import Driver


class Operating:
    """Carries out commands one at a time, each to its end."""

    def __init__(self, driver: Driver[Input, Send], outlets: Outlets) -> None:
        self._driver = driver
        self._outlets = outlets

    async def carry_out(self, command: OperatorCommand) -> None:
        """Return when the change is made and durable. Raises OperatorError."""
        token = next(self._outlets.tokens)
        waiting = asyncio.get_running_loop().create_future()
        self._outlets.replies[token] = waiting
        try:
            self._driver.dispatch(Operated(token, command))
            refusal = await waiting
        finally:
            self._outlets.replies.pop(token, None)
        if refusal is not None:
            raise refusal
