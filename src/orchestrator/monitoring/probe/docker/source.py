"""Tells of the Engine's containers and their images.

Every few seconds the list is asked for; a container is inspected when it is new or its state in the
list has changed, and now and then anyway, as health and networks may change without it.
"""

from __future__ import annotations

import logging

import msgspec

from orchestrator.monitoring.probe.docker import parsing
from orchestrator.monitoring.probe.docker.controls import CONTROLS, DockerControls
from orchestrator.monitoring.probe.docker.parsing import Image, Inspected, Listed
from orchestrator.monitoring.probe.http.client import Client, Origin
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.kernel.addresses import Scopes, read_scopes
from orchestrator.monitoring.probe.roles import Controller, Parts, Setup, Source
from orchestrator.monitoring.report import Node, Topology

logger = logging.getLogger(__name__)
_AGAIN_S = 60.0
_IMAGES_S = 120.0
_MAX_CONTAINERS = 5000


def source(setup: Setup) -> Source:
    """The source."""
    client = Client(Origin("docker", 0, unix=setup.config.docker_socket))
    docker = Docker(setup, client)
    controllers: dict[Topology, Controller] = {}
    if setup.config.controls:
        controllers = {
            "container": DockerControls(client, setup.hiding, docker, setup.config.proc).carry_out
        }
    return Source(
        "docker",
        reporter=docker,
        ticker=docker,
        controllers=controllers,
        controls=CONTROLS if controllers else (),
        close=client.close,
    )


class _Seen(msgspec.Struct):
    """A container, and what the list said of it when it was inspected."""

    listed: tuple[str, str]
    at: float
    found: Inspected
    node: Node


class Docker:
    """Reporter of containers and images; asks the Engine in between."""

    period_s = 5.0

    def __init__(self, setup: Setup, client: Client) -> None:
        self._setup = setup
        self._client = client
        self._seen: dict[str, _Seen] = {}
        self._images: dict[str, Image] = {}
        self._images_at = 0.0
        self._problem = ""
        self._is_there = False

    def report(self, now: float) -> Parts:
        """What the Engine said last."""
        del now
        host = self._setup.host_id
        images = {parsing.image_id(seen.found): seen.found.image for seen in self._seen.values()}
        nodes: dict[Topology, list[Node]] = {
            "container": [seen.node for seen in self._seen.values()],
            "image": [
                parsing.image_node(id, self._images.get(digest), host)
                for id, digest in images.items()
            ],
        }
        problems = [self._problem] if self._problem else []
        return Parts(nodes=nodes, problems=problems)

    def get(self, id: str) -> Inspected | None:
        """A container that was told."""
        seen = self._seen.get(id)
        return seen.found if seen is not None else None

    async def tick(self, now: float) -> None:
        """Ask for what has changed. An Engine that is away has no containers."""
        try:
            listed = parsing.parse_list(await self._get("/containers/json?all=1"))
            self._is_there = True
            self._problem = ""
        except HttpError as error:
            self._seen = {}
            self._problem = f"containers of Docker are not seen: {error}" if self._is_wanted else ""
            return
        except (msgspec.DecodeError, UnicodeError) as error:
            self._problem = f"the Docker Engine answers with something else: {error}"
            return
        if len(listed) > _MAX_CONTAINERS:
            self._problem = f"of {len(listed)} containers {_MAX_CONTAINERS} are told"
        await self._inspect(listed[:_MAX_CONTAINERS], now)
        if now - self._images_at > _IMAGES_S or self._has_new_image():
            await self._read_images(now)

    @property
    def _is_wanted(self) -> bool:
        """A machine without Docker is no problem, unless somebody said where it is."""
        return self._is_there or self._setup.config.docker_socket != "/var/run/docker.sock"

    async def _inspect(self, listed: list[Listed], now: float) -> None:
        seen: dict[str, _Seen] = {}
        scopes = read_scopes(self._setup.host_id, self._setup.config.sys)
        for one in listed:
            before = self._seen.get(one.id)
            said = (one.state, one.status.partition(" ")[0] + _health_in(one.status))
            if before is not None and before.listed == said and now - before.at < _AGAIN_S:
                seen[one.id] = before
                continue
            try:
                data = await self._get(f"/containers/{one.id}/json")
                found = parsing.parse_container(data)
            except (HttpError, msgspec.DecodeError, UnicodeError) as error:
                logger.debug("container %s: %s", one.id, error)
                if before is not None:  # it is listed, so it is as it was or going
                    seen[one.id] = before
                continue
            seen[one.id] = _Seen(said, now, found, self._node(found, scopes))
        self._seen = seen

    def _node(self, found: Inspected, scopes: Scopes) -> Node:
        networks = (found.network_settings.networks or {}).values()
        ip = next((one.ip_address for one in networks if one.ip_address), "")
        return parsing.container_node(
            found,
            self._setup.host_id,
            self._setup.hiding,
            scope=scopes.of(ip, 0) if ip else "",
            controls=self._setup.config.controls,
        )

    def _has_new_image(self) -> bool:
        return any(seen.found.image not in self._images for seen in self._seen.values())

    async def _read_images(self, now: float) -> None:
        try:
            images = parsing.parse_images(await self._get("/images/json"))
        except (HttpError, msgspec.DecodeError, UnicodeError) as error:
            logger.debug("images: %s", error)
            return
        wanted = {seen.found.image for seen in self._seen.values()}
        self._images = {image.id: image for image in images if image.id in wanted}
        self._images_at = now

    async def _get(self, path: str) -> bytes:
        answer = await self._client.request("GET", path)
        if answer.status != 200:
            raise HttpError(answer.message())
        return answer.body


def _health_in(status: str) -> str:
    """``Up 3 minutes (healthy)``: the minutes change, the health is news."""
    return status.partition("(")[2]
