"""What the containerizer needs of a network, and the network that is always there: the host's."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import Message

_FILES = ("/etc/resolv.conf", "/etc/hosts")


class Attachment(Protocol):
    """How a container is connected. ``namespace`` is a path, None: the host's network.

    ``mounts`` are source and target of files that belong to the network.
    """

    @property
    def namespace(self) -> str | None:
        """The path of a network namespace."""
        ...

    @property
    def ip_addresses(self) -> tuple[str, ...]:
        """The container's own addresses."""
        ...

    @property
    def hostname(self) -> str | None:
        """What the container is called in its network."""
        ...

    @property
    def mounts(self) -> tuple[tuple[str, str], ...]:
        """Files to be mounted: source and target."""
        ...


class Networks(Protocol):
    """Connects containers. Both may be repeated."""

    async def attach(self, container: Container) -> Attachment:
        """Connect it; raises an exception whose text is a sentence for the task's status."""
        ...

    async def detach(self, container_id: str) -> None:
        """The container is gone."""
        ...

    async def recover(self, alive: Collection[str]) -> None:
        """Let go of whatever belongs to containers that are not among these."""
        ...


class HostAttachment(Message):
    """No network of its own."""

    namespace: str | None = None
    ip_addresses: tuple[str, ...] = ()
    hostname: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()


class HostNetworks:
    """Every container is on the host's network; who asks for another is refused."""

    async def attach(self, container: Container) -> HostAttachment:
        """Raises NativeError where the container names a network."""
        info = container.info
        named = [one.name for one in info.network_infos if one.name] if info is not None else []
        if named:
            raise NativeError(f"This agent has no network '{named[0]}'")
        return HostAttachment(mounts=_files_of_host())

    async def detach(self, container_id: str) -> None:
        """There is nothing to undo."""

    async def recover(self, alive: Collection[str]) -> None:
        """There is nothing to undo."""


def _files_of_host() -> tuple[tuple[str, str], ...]:
    return tuple((path, path) for path in _FILES if Path(path).exists())
