"""Brings one container to life, again from any point where an earlier attempt stopped.

The Engine remembers what was done: a second creation of the same name meets the first container,
one that was created is started, one that runs or has ended is left alone. So after an Engine that
went away in the middle the same steps are simply taken once more, when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path

from orchestrator.agent.adapters import logins
from orchestrator.agent.adapters.docker import pulls
from orchestrator.agent.adapters.docker.collection import Collection
from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.pulls import Pulls
from orchestrator.agent.adapters.docker.spec import Spec
from orchestrator.agent.adapters.docker.wire import Inspection
from orchestrator.agent.adapters.logins import Login, Logins

PARALLEL = 16  # creations and starts; the Engine does not get faster with more


class Launches:
    """Launches on one Engine. ``logins`` are the agent's own, for tasks that bring none."""

    def __init__(
        self, engine: Engine, pulls_: Pulls, collection: Collection, logins: Logins
    ) -> None:
        self._engine = engine
        self._pulls = pulls_
        self._collection = collection
        self._logins = logins
        self._turns = asyncio.Semaphore(PARALLEL)

    async def bring_up(self, spec: Spec, sandbox: Path) -> Inspection:
        """Pull if need be, create, join networks, start. Raises EngineError, PullError.

        What comes back runs, or has ended already. Raises CredentialError too.
        """
        if spec.force_pull:
            await self._pull(spec, sandbox)
        if not await self._create(spec):
            await self._pull(spec, sandbox)
            if not await self._create(spec):
                raise EngineError(404, f"the image '{spec.image}' went away after it was pulled")
        async with self._turns:
            found = await self._start(spec)
        self._collection.used(found.image)
        return found

    async def _create(self, spec: Spec) -> bool:
        """Whether there is a container now; there is none without its image."""
        async with self._turns:
            try:
                await _to_its_end(self._engine.create(spec.name, spec.body))
            except EngineError as error:
                if error.status == 404 and "image" in str(error).lower():
                    return False
                if error.status != 409:
                    raise  # 409: an earlier attempt got this far
        return True

    async def _start(self, spec: Spec) -> Inspection:
        found = await self._engine.inspect(spec.name)
        if found.state.status != "created":
            return found
        for one in spec.joining:
            try:
                await self._engine.connect(one.network, spec.name, one.endpoint)
            except EngineError as error:
                if error.status != 403:
                    raise  # 403: it has joined already
        await _to_its_end(self._engine.start(spec.name))
        if spec.window is not None:
            with contextlib.suppress(EngineError):  # it may have ended by now
                await self._engine.resize(spec.name, spec.window.rows, spec.window.columns)
        return await self._engine.inspect(spec.name)

    async def _pull(self, spec: Spec, sandbox: Path) -> None:
        usable = await asyncio.to_thread(self._logins_for, spec.image, sandbox)
        await self._pulls.pull(spec.image, usable)
        with contextlib.suppress(EngineError):  # then it stays: nothing else hangs on that
            await self._collection.pulled(pulls.full_name(spec.image))

    def _logins_for(self, image: str, sandbox: Path) -> list[Login | None]:
        registry = logins.registry_of(image)
        own = logins.of_sandbox(sandbox).get(registry)
        given = self._logins.get(registry)
        usable = [login for login in (own, given) if login is not None]
        return list(usable) or [None]


async def _to_its_end(request: Coroutine[None, None, None]) -> None:
    """A request that changes the Engine is not broken off: nobody would know what became of it."""
    task = asyncio.create_task(request)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # whoever cancelled looks for itself
        raise
