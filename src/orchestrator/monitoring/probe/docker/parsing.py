"""What the Engine says of containers, images and networks; pure. Form: Docker Engine API 1.41."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.report import Node, Topology, ids, keys

_ZERO = "0001-01-01"
_STATES = {"removing": "dead"}


class Listed(msgspec.Struct, rename="pascal"):
    """One container of /containers/json."""

    id: str
    state: str = ""
    status: str = ""


class Port(msgspec.Struct, rename="pascal"):
    """Where a port of a container is published."""

    host_ip: str = ""
    host_port: str = ""


class Network(msgspec.Struct, rename="pascal"):
    """A container in a network."""

    ip_address: str = msgspec.field(default="", name="IPAddress")
    global_ipv6_address: str = msgspec.field(default="", name="GlobalIPv6Address")


class NetworkSettings(msgspec.Struct, rename="pascal"):
    """All networks of a container."""

    ports: dict[str, list[Port] | None] | None = None
    networks: dict[str, Network] | None = None


class Health(msgspec.Struct, rename="pascal"):
    """Of a container with a health check."""

    status: str = ""


class State(msgspec.Struct, rename="pascal"):
    """How a container does."""

    status: str = ""
    pid: int = 0
    exit_code: int = 0
    started_at: str = ""
    finished_at: str = ""
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    health: Health | None = None


class Config(msgspec.Struct, rename="pascal"):
    """What a container was made with."""

    image: str = ""
    hostname: str = ""
    user: str = ""
    tty: bool = False
    labels: dict[str, str] | None = None


class HostConfig(msgspec.Struct, rename="pascal"):
    """How a container is run."""

    network_mode: str = ""


class Inspected(msgspec.Struct, rename="pascal"):
    """/containers/ID/json."""

    id: str
    name: str = ""
    image: str = ""
    created: str = ""
    path: str = ""
    args: list[str] | None = None
    restart_count: int = 0
    state: State = msgspec.field(default_factory=State)
    config: Config = msgspec.field(default_factory=Config)
    host_config: HostConfig = msgspec.field(default_factory=HostConfig)
    network_settings: NetworkSettings = msgspec.field(default_factory=NetworkSettings)


class Exec(msgspec.Struct, rename="pascal"):
    """/exec/ID/json: a command that was run in a container."""

    running: bool = False
    pid: int = 0
    exit_code: int | None = None


class Image(msgspec.Struct, rename="pascal"):
    """One image of /images/json."""

    id: str
    repo_tags: list[str] | None = None
    repo_digests: list[str] | None = None
    size: int = 0
    created: int = 0


_listed = msgspec.json.Decoder(list[Listed])
_inspected = msgspec.json.Decoder(Inspected)
_exec = msgspec.json.Decoder(Exec)
_images = msgspec.json.Decoder(list[Image])


def parse_list(data: bytes) -> list[Listed]:
    """Read it. Raises msgspec.DecodeError."""
    return _listed.decode(data)


def parse_container(data: bytes) -> Inspected:
    """Read it. Raises msgspec.DecodeError."""
    return _inspected.decode(data)


def parse_exec(data: bytes) -> Exec:
    """Read it. Raises msgspec.DecodeError."""
    return _exec.decode(data)


def parse_images(data: bytes) -> list[Image]:
    """Read it. Raises msgspec.DecodeError."""
    return _images.decode(data)


def moment(text: str) -> str:
    """A time of the Engine as unix seconds; empty if there is none."""
    if not text or text.startswith(_ZERO):
        return ""
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        at = datetime.fromisoformat(f"{whole[:19]}+00:00").timestamp()
    except ValueError:
        return ""
    return f"{at + float('0.' + (fraction[:3] if fraction[:3].isdigit() else '0')):.3f}"


def container_node(
    found: Inspected, host_id: str, hiding: Hiding, *, scope: str, controls: bool
) -> Node:
    """The container; ``scope`` is that of its own addresses."""
    state = found.state
    status = _STATES.get(state.status, state.status)
    latest = {
        keys.STATE: status,
        keys.ENGINE: "docker",
        keys.IMAGE: found.config.image,
        keys.COMMAND: hiding.command([found.path, *(found.args or [])]),
        keys.STARTED_AT: moment(state.started_at),
        keys.ENDED_AT: moment(state.finished_at) if status in ("exited", "dead") else "",
        keys.EXIT_CODE: str(state.exit_code) if status in ("exited", "dead") else "",
        keys.PID: str(state.pid) if state.pid else "",
        keys.HEALTH: _health(state),
        keys.USER: found.config.user,
        keys.HOSTNAME: found.config.hostname,
        keys.NETWORKS: ",".join(sorted(_networks(found))),
        keys.PORTS: ",".join(_ports(found)),
    }
    parents: dict[Topology, list[str]] = {"host": [host_id], "image": [image_id(found)]}
    return Node(
        found.id,
        found.name.lstrip("/")[:512],
        {name: value[:4096] for name, value in latest.items() if value},
        {"restarts": float(found.restart_count)},
        parents,
        hiding.labels(found.config.labels),
        _addresses(found, scope),
        controls_in(status) if controls else [],
    )


def image_id(found: Inspected) -> str:
    """The image as it was asked for; by digest if it has no name."""
    return (found.config.image or found.image)[:512]


def image_node(id: str, image: Image | None, host_id: str) -> Node:
    """An image that a container is made of."""
    if image is None:
        return Node(id, parents={"host": [host_id]})
    latest = {"digest": image.id, "created_at": str(image.created)}
    metrics = {"disk_used_bytes": float(image.size)}
    return Node(id, "", latest, metrics, {"host": [host_id]})


def controls_in(status: str) -> list[str]:
    """What may be asked of a container in a state."""
    match status:
        case "running":
            return ["stop", "restart", "pause", "kill", "logs", "exec", "attach", "inspect"]
        case "paused":
            return ["unpause", "stop", "logs", "inspect"]
        case "restarting":
            return ["stop", "restart", "kill", "logs", "inspect"]
        case _:
            return ["start", "remove", "logs", "inspect"]


def _health(state: State) -> str:
    if state.health is None or state.health.status in ("", "none"):
        return ""
    return state.health.status if state.health.status in ("healthy", "unhealthy") else "unknown"


def _networks(found: Inspected) -> list[str]:
    return list(found.network_settings.networks or {})


def _ports(found: Inspected) -> list[str]:
    return [
        f"{one.host_ip}:{one.host_port}->{port if '/' in port else f'{port}/tcp'}"
        for port, published in (found.network_settings.ports or {}).items()
        for one in published or ()
    ]


def _addresses(found: Inspected, scope: str) -> list[str]:
    return [
        ids.address(scope, ip)
        for network in (found.network_settings.networks or {}).values()
        for ip in (network.ip_address, network.global_ipv6_address)
        if ip
    ][:256]


def describe(data: bytes, hiding: Hiding) -> str:
    """The whole description of a container as JSON, with its secrets hidden."""
    document: Any = msgspec.json.decode(data)
    return msgspec.json.encode(hiding.document(document)).decode()
