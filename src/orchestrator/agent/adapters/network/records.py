"""What was joined, on disk, so that any later agent can undo it: one directory a namespace.

::

    <directory>/<holder>/record.json        the networks as they were at the time, and their results
                         netns              the namespace is mounted here
                         members/<id>       an empty file for each container that uses it
                         hosts hostname resolv.conf

The record is there before the first plug-in is called, and goes after the last has let go.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters.network.cni import results
from orchestrator.agent.adapters.network.cni.config import Network, parse
from orchestrator.agent.adapters.network.cni.requests import Joining, Rates
from orchestrator.agent.adapters.network.cni.results import Result
from orchestrator.mesos import codec
from orchestrator.mesos.types import Message, NetworkInfo

_RECORD, _MEMBERS, _NAMESPACE = "record.json", "members", "netns"


class Membership(Message):
    """A network that was joined, or is to be; ``config`` as it was then.

    ``result`` is that of the last plug-in that has answered.
    """

    config: str
    interface: str
    info: NetworkInfo
    rates: Rates = Rates()
    result: str | None = None
    is_joined: bool = False

    @property
    def network(self) -> Network:
        """The network as it was then. Raises CniError."""
        return parse(self.config)

    def joining(self, holder: str, namespace: str) -> Joining:
        """What its plug-ins are told of the container."""
        return Joining(
            container_id=holder,
            namespace=namespace,
            interface=self.interface,
            info=self.info,
            rates=self.rates,
        )


class Record(Message):
    """All networks of one namespace, in the order of joining."""

    holder: str
    hostname: str
    memberships: tuple[Membership, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all were joined."""
        return all(one.is_joined for one in self.memberships)

    def with_membership(self, number: int, one: Membership) -> Record:
        """The same with another membership at this place."""
        before, after = self.memberships[:number], self.memberships[number + 1 :]
        return replace(self, memberships=(*before, one, *after))

    @property
    def results(self) -> list[Result]:
        """What was got from those that were joined. Raises CniError."""
        return [results.parse(one.result.encode()) for one in self.memberships if one.result]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses, those of the first network first. Raises CniError."""
        return tuple(address for result in self.results for address in result.addresses)


class Records:
    """The directory. Methods raise OSError."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def directory_of(self, holder: str) -> Path:
        """Where everything about a namespace is."""
        return self.directory / holder

    def namespace_of(self, holder: str) -> Path:
        """What the namespace is mounted over."""
        return self.directory / holder / _NAMESPACE

    def save(self, record: Record) -> None:
        """Keep a record; after a crash it is either as before or as now."""
        directory = self.directory_of(record.holder)
        directory.mkdir(parents=True, exist_ok=True)
        new = directory / f"{_RECORD}.new"
        with new.open("wb") as file:
            file.write(codec.encode(record))
            file.flush()
            os.fsync(file.fileno())
        new.rename(directory / _RECORD)

    def load(self, holder: str) -> Record | None:
        """The record of a namespace; None when there is none that can be read."""
        try:
            return codec.decode(Record, (self.directory_of(holder) / _RECORD).read_bytes())
        except (FileNotFoundError, codec.DecodeError):
            return None

    def holders(self) -> list[str]:
        """All namespaces, those without a readable record too."""
        if not self.directory.is_dir():
            return []
        return sorted(entry.name for entry in self.directory.iterdir() if entry.is_dir())

    def members(self, holder: str) -> set[str]:
        """The containers that use a namespace."""
        directory = self.directory_of(holder) / _MEMBERS
        return {file.name for file in directory.iterdir()} if directory.is_dir() else set()

    def add_member(self, holder: str, container_id: str) -> None:
        """Note that a container uses a namespace."""
        directory = self.directory_of(holder) / _MEMBERS
        directory.mkdir(parents=True, exist_ok=True)
        (directory / container_id).touch()

    def remove_member(self, holder: str, container_id: str) -> None:
        """Note that it does no more."""
        (self.directory_of(holder) / _MEMBERS / container_id).unlink(missing_ok=True)

    def remove(self, holder: str) -> None:
        """Forget a namespace, which must be unmounted."""
        directory = self.directory_of(holder)
        (directory / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
