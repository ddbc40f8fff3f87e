"""A Marathon without others: it leads always, and when it steps down it leads again at once.

A term is what it is among several (``zookeeper.candidate``), so that stepping down, which is how a
backup is made or restored, is the same everywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from starlette.types import ASGIApp

from orchestrator.runtime.http import Gate, Term, json_error
from orchestrator.runtime.store import Store
from orchestrator.zookeeper.candidate import Leader
from orchestrator.zookeeper.fenced import DeposedError

_BETWEEN_TERMS: ASGIApp = json_error(503, "Marathon takes up its state")
Assemble = Callable[[Mapping[str, bytes], Store], AbstractAsyncContextManager[Leader]]
logger = logging.getLogger(__name__)


class Alone:
    """Runs term after term; ``assemble`` gives the core of each."""

    def __init__(self, store: Store, gate: Gate, assemble: Assemble) -> None:
        self._store = store
        self._gate = gate
        self._assemble = assemble
        self._begun = asyncio.Event()

    async def run(self) -> None:
        """Lead for ever. Raises what a leader fails with, and StoreError."""
        while True:
            try:
                await self._one_term()
            except DeposedError as reason:
                logger.warning("the term is over: %s", reason)

    async def begun(self, failed: asyncio.Future[None]) -> None:
        """Wait until it leads. Raises why it cannot."""
        waiter = asyncio.create_task(self._begun.wait())
        await asyncio.wait((waiter, failed), return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if failed.done():
            failed.result()

    async def _one_term(self) -> None:
        kept = await self._store.load("")
        async with self._assemble(kept, self._store) as leader:
            term = Term(leader.app)
            self._gate.open(term)
            self._begun.set()
            try:
                await asyncio.wait((leader.failed,))
                leader.failed.result()
            finally:
                self._gate.open(_BETWEEN_TERMS)
                term.end()
