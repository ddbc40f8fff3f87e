"""What containers are given from outside: the operator's policy, other parts of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.agent.adapters.native import capabilities, seccomp
from orchestrator.agent.adapters.native.devices import Device
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.networks import HostNetworks, Networks
from orchestrator.agent.adapters.native.spec import DEFAULT_SHM_BYTES
from orchestrator.agent.adapters.policy import Policy as Rights
from orchestrator.agent.adapters.secrets import SecretResolver
from orchestrator.mesos.types import CommandURI, Message, Secret

T = TypeVar("T")


async def asked(request: Awaitable[T]) -> T:
    """What others are asked for. Whatever they raise is a sentence for the task's status.

    Raises NativeError.
    """
    try:
        return await request
    except NativeError:
        raise
    except Exception as error:
        raise NativeError(str(error)) from error


class Secrets(Protocol):
    """Where secrets come from."""

    async def resolve(self, secret: Secret) -> bytes:
        """The secret itself; raises an exception whose text is a sentence without it."""
        ...


class InlineSecrets:
    """Only those that the task brings along."""

    async def resolve(self, secret: Secret) -> bytes:
        """Raises NativeError for a secret by reference."""
        if secret.value is None:
            name = secret.reference.name if secret.reference else ""
            raise NativeError(f"This agent knows no store that has the secret '{name}'")
        return secret.value.data


class StoredSecrets:
    """Those of a store, which may block."""

    def __init__(self, store: SecretResolver) -> None:
        self._store = store

    async def resolve(self, secret: Secret) -> bytes:
        """Raises SecretError."""
        return await asyncio.to_thread(self._store.resolve, secret)


Fetch = Callable[[Sequence[CommandURI], Path, str | None], Awaitable[None]]


async def fetch_nothing(uris: Sequence[CommandURI], directory: Path, _reader: str | None) -> None:
    """Raises NativeError where there is something to fetch."""
    if uris:
        raise NativeError(f"This agent fetches nothing into {directory}")


@dataclass(frozen=True)
class Given:
    """What other parts of the agent give to containers.

    ``cgroups_path`` says where a container's cgroups are, below the root of each hierarchy,
    ``has_cgroups_v2`` whether there is one hierarchy only, of version 2;
    ``fetch`` puts what URIs name into a sandbox, files of this machine with the rights of a user
    (None: of the agent), and raises SandboxError.
    """

    fetch: Fetch = fetch_nothing
    networks: Networks = field(default_factory=HostNetworks)
    secrets: Secrets = field(default_factory=InlineSecrets)
    cgroups_path: Callable[[str], str] = "/orchestrator/{}".format
    has_cgroups_v2: bool = False


class Policy(Message):
    """What the operator has set for all containers. ``rights`` are those over the machine."""

    rights: Rights = Rights()
    capabilities: capabilities.Policy = capabilities.Policy()
    seccomp: seccomp.Policy = seccomp.Policy()
    devices: tuple[Device, ...] = ()
    is_read_only: bool = False
    no_new_privileges: bool = False
    shm_bytes: int = DEFAULT_SHM_BYTES
