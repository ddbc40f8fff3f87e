"""How an ensemble is followed: by its transaction stream if it can be had, else by watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

from orchestrator.migration.adapters.spec import EnsembleSpec, SpecError, quorum_entry, quorum_ports
from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.dialect import Dialect
from orchestrator.zookeeper.jute.errors import ZooKeeperError
from orchestrator.zookeeper.source import Event
from orchestrator.zookeeper.stream import PLAIN, Address, Entry, NotOffered, Streamer, find, probe
from orchestrator.zookeeper.watching import Watcher, WatchSettings

_WATCHING = WatchSettings(reached_s=0.05)
"""What was written to a node is known to be seen only when that much was heard."""
_FIND_S = 2.0


class Source(Protocol):
    """What follows an ensemble (`zookeeper.source`)."""

    def events(self, position: int | None = None) -> AsyncGenerator[Event, None]:
        """Everything behind a position, or from a snapshot on."""
        ...


class Following(NamedTuple):
    """``quorum`` are the ports of a stream, none if the ensemble is watched; ``is_named`` if they
    were given, so that nobody else is asked. ``reason`` says in words how it is followed, ``entry``
    how the ports are entered."""

    quorum: tuple[Address, ...]
    is_named: bool
    reason: str
    entry: Entry = PLAIN

    @property
    def is_stream(self) -> bool:
        """Whether every transaction is heard."""
        return bool(self.quorum)


async def choose(name: str, spec: EnsembleSpec, client: Client) -> Following:
    """What the ensemble is to be followed by. Raises SpecError if it has to be its stream, and
    that cannot be had; and ZooKeeperError."""
    named, entry = quorum_ports(spec), quorum_entry(spec)
    if spec.source == "watch":
        return Following((), False, "watches, as was asked for")
    try:
        members = named or tuple(await find(client))
        host, port = await probe(members, entry)
    except NotOffered as error:
        if spec.source == "stream":
            raise SpecError(f"{name} has no transaction stream: {error}") from None
        return Following((), False, f"watches: {error}")
    return Following(members, bool(named), f"the transaction stream of {host}:{port}", entry)


async def otherwise(
    name: str, spec: EnsembleSpec, client: Client, now: Following
) -> Following | None:
    """The other way, if the ensemble cannot be followed as it is now, or can by its stream again;
    None to go on. Raises ZooKeeperError."""
    if spec.source != "auto":
        return None
    found = await choose(name, spec, client)
    return found if found.is_stream is not now.is_stream else None


def open_source(client: Client, dialect: Dialect, following: Following) -> Source:
    """A source of a client's ensemble, below the client's root."""
    if not following.is_stream:
        return Watcher(client, dialect, _WATCHING)

    async def members() -> Sequence[Address]:
        if following.is_named:
            return following.quorum
        try:
            async with asyncio.timeout(_FIND_S):
                await client.connected()
                return await find(client)
        except (ZooKeeperError, TimeoutError):
            return following.quorum

    return Streamer(members, client.settings.root, entry=following.entry)
