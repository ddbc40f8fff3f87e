"""Containers of runc, from what a task asks for to a command for the supervisor; and their removal.

``prepare`` fetches the image, joins the network, makes the root and whatever is mounted into it,
and writes the bundle. It may be cancelled or fail at any point: ``clear`` undoes what there is, and
at the start of an agent ``sweep`` clears what belongs to no container that is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec.structs import replace

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.images.documents import Settings
from orchestrator.agent.adapters.images.names import Provisioned
from orchestrator.agent.adapters.images.store import ImageStore
from orchestrator.agent.adapters.native import (
    identity,
    process,
    runc,
    spec,
)
from orchestrator.agent.adapters.native.blueprints import Blueprints
from orchestrator.agent.adapters.native.bundles import Bundles, Note
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.given import Given, Policy, asked
from orchestrator.agent.adapters.native.networks import Attachment
from orchestrator.agent.adapters.native.provision import Provisioner
from orchestrator.agent.adapters.native.sources import Sources
from orchestrator.agent.adapters.native.wanted import needs_container
from orchestrator.agent.adapters.sessions.contained import SOCKET
from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import Secret

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)


class NativeContainers:
    """See the module. ``directory`` is the agent's; its images, bundles and sandboxes are below."""

    def __init__(
        self,
        directory: Path,
        around: Surroundings,
        store: ImageStore,
        policy: Policy,
        *,
        switch_user: bool,
        given: Given | None = None,
    ) -> None:
        self._directory = directory
        self._store = store
        self._switch_user = switch_user
        self._given = given or Given()
        self._provisioner = Provisioner(store, self._given.secrets, policy.rights)
        self._blueprints = Blueprints(directory, around, policy, self._given)
        self._bundles = Bundles(directory / "native")
        self._runc = runc.Runc(self._bundles.runc_state)
        self._layers: dict[str, tuple[str, ...]] = {}  # in use, by the containers of this agent
        self._is_open = False
        self._has_swept = False
        self._opening = asyncio.Lock()
        self._clearing = asyncio.Lock()  # or taking over what an earlier agent left

    def uses(self, layer: Path) -> bool:
        """Whether a container has this layer of an image."""
        return any(str(layer) in layers for layers in self._layers.values())

    def addresses(self, container_id: str) -> tuple[str, ...]:
        """The container's own addresses, empty on the host's network."""
        return self._bundles.note(container_id).ip_addresses

    async def prune(self) -> None:
        """Remove the images that no container uses. Raises OSError."""
        await self._store.prune_all()

    def enter(
        self,
        container: Container,
        variables: Mapping[str, str],
        pid_file: Path,
        *,
        has_terminal: bool = False,
    ) -> list[str] | None:
        """What to say before a command to run it in a container; None for a plain command's."""
        if not needs_container(container.info, container.resources):
            return None
        return self._runc.enter(container.id, variables, pid_file, has_terminal=has_terminal)

    async def close(self) -> None:
        """The containers run on; images that are on their way come again."""
        await self._store.close()
        await asyncio.to_thread(self._bundles.close)

    # --- making --------------------------------------------------------------------------------

    async def prepare(self, container: Container) -> wire.Launch:
        """Everything but the start. Raises NativeError, SandboxError, SecretError."""
        if (problem := runc.absence()) is not None:
            raise NativeError(problem)
        self._layers[container.id] = ()  # from here on it is not swept away
        try:
            await self._open()
            async with self._clearing:
                if container.id in self._bundles.ids():  # an earlier agent got this far
                    await self._undo(container.id)
            image = await self._provisioner.provide(container)
            self._layers[container.id] = tuple(map(str, image.layers)) if image else ()
            attachment = await asked(self._given.networks.attach(container))
            secrets = [await self._secret(one) for one in _secrets_of(container)]
            await self._fetch(container)
            return await _whole(self._make, container, image, attachment, secrets)
        except OSError as error:
            raise NativeError(f"The container cannot be prepared: {error}") from None

    async def _fetch(self, container: Container) -> None:
        """Put what the task's URIs name into its sandbox, which its user gets afterwards."""
        uris = container.command.uris if container.command is not None else []
        if uris:
            path = await asyncio.to_thread(sandbox.prepare, self._directory, container, None)
            await self._given.fetch(uris, path, container.user if self._switch_user else None)

    async def _open(self) -> None:
        async with self._opening:
            if not self._is_open:
                await asyncio.to_thread(self._store.open)
                await asyncio.to_thread(self._bundles.open)
                self._is_open = True

    async def _secret(self, secret: Secret) -> bytes:
        return await asked(self._given.secrets.resolve(secret))

    def _make(
        self,
        container: Container,
        image: Provisioned | None,
        attachment: Attachment,
        secrets: list[bytes],
    ) -> wire.Launch:
        bundle = self._bundles.make(container.id)
        directory = sandbox.prepare(self._directory, container, None)
        root = self._bundles.make_root(container.id, image.layers) if image else Path("/")
        settings = image.settings if image else Settings()
        account = identity.account_of(container, root, settings, switch_user=self._switch_user)
        identity.hand_over(directory, account)
        wanted = self._blueprints.draw(container, root, settings, directory, attachment)
        sources = Sources(self._bundles, container, self._directory, directory, account)
        mounts = sources.make(wanted.mounts, secrets)
        config = spec.config(replace(wanted, account=account, mounts=mounts))
        note = Note(layers=self._layers[container.id], ip_addresses=attachment.ip_addresses)
        self._bundles.write(container.id, config, note)
        pid_file = bundle / "pid"
        console_socket = SOCKET if wanted.has_terminal else None
        command = self._runc.run(container.id, bundle, pid_file, console_socket)
        return wire.Launch(
            container.id,
            command,
            {"PATH": process.DEFAULT_PATH},
            str(directory),
            pid_file=str(pid_file),
        )

    # --- clearing ------------------------------------------------------------------------------

    async def clear(self, container_id: str) -> None:
        """Remove all that there is of a container, ending what still runs. May be repeated.

        Raises NativeError, OSError.
        """
        async with self._clearing:  # it may just be taken over
            is_known = container_id in self._layers
        if is_known:
            await self._undo(container_id)
            self._layers.pop(container_id, None)

    async def _undo(self, container_id: str) -> None:
        if self._runc.knows(container_id):
            await self._runc.delete(container_id)
        await asyncio.to_thread(self._bundles.remove, container_id)
        await self._given.networks.detach(container_id)

    async def sweep(self, known: Collection[str]) -> None:
        """Clear an earlier agent's containers but the known, which are this agent's from now on."""
        if runc.absence() is not None:
            return
        async with self._clearing:
            present = await asyncio.to_thread(self._bundles.ids)
            for container_id in present & set(known):
                self._layers.setdefault(container_id, self._bundles.note(container_id).layers)
        for container_id in present:
            async with self._clearing:  # of one that is prepared anew only the old may go
                if container_id not in self._layers:
                    await self._sweep_away(container_id)
        if not self._has_swept:
            self._has_swept = True
            await self._given.networks.recover(self._layers.keys() | set(known))

    async def _sweep_away(self, container_id: str) -> None:
        logger.info("removing what is left of the container %s", container_id)
        try:
            await self._undo(container_id)
        except (NativeError, OSError) as error:
            logger.warning("%s stays behind: %s", container_id, error)


def _secrets_of(container: Container) -> list[Secret]:
    """The secret volumes' secrets, in the volumes' order."""
    volumes_ = container.info.volumes if container.info is not None else []
    sources = (volume.source for volume in volumes_)
    return [source.secret for source in sources if source is not None and source.secret is not None]


async def _whole(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """In a thread, which nobody can stop: whoever is cancelled meanwhile waits for its end."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise
