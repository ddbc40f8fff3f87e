"""What the Engine answers, as far as it is read here."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """``State`` of an inspected container."""

    status: str = ""  # created, running, paused, restarting, removing, exited, dead
    running: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")


class Network(msgspec.Struct, frozen=True):
    """One of ``NetworkSettings.Networks``."""

    ip_address: str = msgspec.field(default="", name="IPAddress")
    ipv6_address: str = msgspec.field(default="", name="GlobalIPv6Address")


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """The networks a container has joined."""

    networks: dict[str, Network] = {}


class Config(msgspec.Struct, frozen=True, rename="pascal"):
    """What of a container's configuration matters here."""

    labels: dict[str, str] | None = None
    tty: bool = False


class Inspection(msgspec.Struct, frozen=True, rename="pascal"):
    """An inspected container; ``image`` is its image's id, ``raw`` the whole answer."""

    id: str
    state: State
    config: Config
    image: str = ""
    network_settings: NetworkSettings = NetworkSettings()
    raw: bytes = b""

    @property
    def ip_addresses(self) -> tuple[str, ...]:
        """The container's own addresses; none on the host's network."""
        networks = self.network_settings.networks.values()
        addresses = [network.ip_address for network in networks]
        addresses += [network.ipv6_address for network in networks]
        return tuple(address for address in addresses if address)


class Death(msgspec.Struct, frozen=True):
    """A container has ended."""

    id: str
    labels: dict[str, str]
    exit_code: int


class OutOfMemory(msgspec.Struct, frozen=True):
    """The kernel ended a process of a container because its memory was used up."""

    id: str


class Summary(msgspec.Struct, frozen=True, rename="pascal"):
    """A container in a list; ``image_id`` is what it runs from."""

    id: str
    image: str = ""
    image_id: str = msgspec.field(default="", name="ImageID")


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """The newest API that the Engine speaks."""

    api_version: Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]

    @property
    def numbers(self) -> tuple[int, int]:
        """As they are compared."""
        major, minor = self.api_version.split(".")
        return int(major), int(minor)


class Progress(msgspec.Struct, frozen=True):
    """How a pull goes on, or why it does not."""

    error: str | None = None


class Actor(msgspec.Struct, frozen=True, rename="pascal"):
    """Whom an event is about: a container with its labels, and how it ended among them."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] | None = None


class Happening(msgspec.Struct, frozen=True, rename="pascal"):
    """One of the Engine's events."""

    action: str
    actor: Actor


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """What an Engine says of itself."""

    docker_root_dir: str = "/var/lib/docker"


class ImageSummary(msgspec.Struct, frozen=True, rename="pascal"):
    """An image that the Engine has."""

    id: str
    size: int = 0
    repo_tags: list[str] | None = None
    repo_digests: list[str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """By which the image can be asked for."""
        names = [*(self.repo_tags or []), *(self.repo_digests or [])]
        return tuple(name for name in names if "<none>" not in name)


class ExecInspection(msgspec.Struct, frozen=True, rename="pascal"):
    """A command that was started in a container. ``pid`` is the host's number of it."""

    id: str = msgspec.field(name="ID")
    running: bool = False
    exit_code: int | None = None
    pid: int = 0


class Created(msgspec.Struct, frozen=True, rename="pascal"):
    """The id of what was made."""

    id: str
