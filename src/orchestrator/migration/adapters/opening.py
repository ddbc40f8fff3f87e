"""What is looked at before a sync begins: that both ensembles can be reached, are two, and how
each can be followed."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

import msgspec

from orchestrator.migration.adapters.following import Following, choose
from orchestrator.migration.adapters.spec import (
    EnsembleSpec,
    SpecError,
    SyncSpec,
    client_settings,
)
from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.dialect import Dialect, detect
from orchestrator.zookeeper.jute.errors import NoNode, ServerError, ZooKeeperError
from orchestrator.zookeeper.jute.requests import CreateMode
from orchestrator.zookeeper.packets import longest_packet

logger = logging.getLogger(__name__)
_CONNECT_S = 10.0


class Opened(NamedTuple):
    """An ensemble that was reached."""

    spec: EnsembleSpec
    settings: ClientSettings
    dialect: Dialect
    following: Following


async def look_at(spec: SyncSpec) -> tuple[Opened, Opened]:
    """Both ensembles. Raises SpecError, with which of them is at fault."""
    if faults := spec.settings.faults():
        raise SpecError(f"the settings cannot work: {'; '.join(faults)}")
    a = await _reach("A", spec.a)
    b = await _reach("B", spec.b)
    await _tell_apart(a.settings, b.settings)
    return a, b


async def _reach(name: str, spec: EnsembleSpec) -> Opened:
    settings = client_settings(spec)
    try:
        async with Client(settings) as client:
            await client.connected(_CONNECT_S)
            if await client.exists("/") is None:
                raise SpecError(f"{name} has no node {settings.root}; create it first")
            following = await choose(name, spec, client)
            logger.info("%s is followed by %s", name, following.reason)
        return Opened(spec, await _fitted(name, settings), await detect(settings), following)
    except TimeoutError:
        where = ",".join(f"{host}:{port}" for host, port in settings.hosts)
        raise SpecError(f"{name} cannot be reached at {where}") from None
    except ZooKeeperError as error:
        raise SpecError(f"{name}: {error}") from None


async def _fitted(name: str, settings: ClientSettings) -> ClientSettings:
    """With packets that its servers read."""
    limit = await longest_packet(settings)
    if limit < settings.max_packet_bytes:
        logger.warning("%s reads packets of up to %d bytes (jute.maxbuffer)", name, limit)
    return msgspec.structs.replace(settings, max_packet_bytes=limit)


async def _tell_apart(a: ClientSettings, b: ClientSettings) -> None:
    """A node that is made on one must not be there on the other."""
    name = f"/orchestrator-sync-{uuid4().hex}"
    whole = msgspec.structs.replace(b, root="")
    async with Client(a) as ours, Client(whole) as theirs:
        await ours.connected(_CONNECT_S)
        await theirs.connected(_CONNECT_S)
        try:
            await ours.create(name, mode=CreateMode.EPHEMERAL)
        except ServerError:
            return  # nothing may be written here: the engine will say so
        try:
            await theirs.sync("/")
            is_there = await theirs.exists(a.root + name) is not None
        except ServerError:
            is_there = False
        finally:
            with suppress(NoNode):
                await ours.delete(name)
    if is_there:
        raise SpecError("A and B are the same ensemble: what is created on A is there on B")
