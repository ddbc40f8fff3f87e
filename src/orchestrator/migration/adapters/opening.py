"""What is looked at before a sync begins: that both ensembles can be reached, are two, and how
each can be followed."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

import msgspec

from orchestrator.migration.adapters.clocks import Shows, create_and_compare
from orchestrator.migration.adapters.following import Following, choose
from orchestrator.migration.adapters.spec import (
    EnsembleSpec,
    SpecError,
    SyncSpec,
    client_settings,
)
from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.dialect import Dialect, detect
from orchestrator.zookeeper.jute.errors import ServerError, ZooKeeperError
from orchestrator.zookeeper.packets import longest_packet

logger = logging.getLogger(__name__)
_CONNECT_S = 10.0


class Opened(NamedTuple):
    """An ensemble that was reached."""

    spec: EnsembleSpec
    settings: ClientSettings
    dialect: Dialect
    following: Following
    clock: Shows | None = None


async def look_at(spec: SyncSpec) -> tuple[Opened, Opened]:
    """Both ensembles. Raises SpecError, with which of them is at fault."""
    if faults := spec.settings.faults():
        raise SpecError(f"the settings cannot work: {'; '.join(faults)}")
    a = await _reach("A", spec.a)
    b = await _reach("B", spec.b)
    clocks = await _tell_apart(a.settings, b.settings)
    return a._replace(clock=clocks[0]), b._replace(clock=clocks[1])


async def _reach(name: str, spec: EnsembleSpec) -> Opened:
    settings = client_settings(spec)
    try:
        async with Client(settings) as client:
            await _connected(name, client)
            if await client.exists("/") is None:
                raise SpecError(f"{name} has no node {settings.root}; create it first")
            following = await choose(name, spec, client)
            logger.info("%s is followed by %s", name, following.reason)
        return Opened(spec, await _fitted(name, settings), await detect(settings), following)
    except ZooKeeperError as error:
        raise SpecError(f"{name}: {error}") from None


async def _connected(name: str, client: Client) -> None:
    try:
        await client.connected(_CONNECT_S)
    except TimeoutError:
        where = ",".join(f"{host}:{port}" for host, port in client.settings.hosts)
        reason = getattr(client.state, "reason", "") or "no server answers"
        raise SpecError(f"{name} cannot be reached at {where}: {reason}") from None


async def _fitted(name: str, settings: ClientSettings) -> ClientSettings:
    """With packets that its servers read."""
    limit = await longest_packet(settings)
    if limit < settings.max_packet_bytes:
        logger.warning("%s reads packets of up to %d bytes (jute.maxbuffer)", name, limit)
    return msgspec.structs.replace(settings, max_packet_bytes=limit)


async def _tell_apart(a: ClientSettings, b: ClientSettings) -> tuple[Shows | None, Shows | None]:
    """A node that is made on one must not be there on the other. What the clocks show, as far as
    nodes may be made here; if not, the engine will say so."""
    names = [f"/orchestrator-sync-{uuid4().hex}" for _ in range(2)]
    whole = msgspec.structs.replace(b, root="")
    async with Client(a) as ours, Client(whole) as theirs:
        await _connected("A", ours)
        await _connected("B", theirs)
        shows_a = await _made(ours, names[0])
        if await _is_there(theirs, a.root + names[0]):
            raise SpecError("A and B are the same ensemble: what is created on A is there on B")
        return shows_a, await _made(theirs, b.root + names[1])


async def _made(client: Client, path: str) -> Shows | None:
    """The node goes with the client's session."""
    with suppress(ServerError):
        return await create_and_compare(client, path)
    return None


async def _is_there(client: Client, path: str) -> bool:
    with suppress(ServerError):
        await client.sync("/")
        return await client.exists(path) is not None
    return False
