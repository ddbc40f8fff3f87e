"""All networking of one agent, put together from its settings."""

from __future__ import annotations

import asyncio
import logging
import os
from functools import partial
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from pathlib import Path

from orchestrator.agent.adapters.network import builtin, configurations
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.networks import ContainerNetworks
from orchestrator.agent.adapters.network.overlay.addresses import Overlay, OverlayError, parse
from orchestrator.agent.adapters.network.overlay.connection import OverlayConnection, take_away
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.messages import SetOverlay
from orchestrator.mesos.link import OverlayMember
from orchestrator.runtime.config import ConfigError

_LONGEST_BRIDGE_PREFIX = 29
logger = logging.getLogger(__name__)


def overlay_of(config: AgentConfig) -> Overlay | None:
    """The overlay that the settings ask for. Raises ConfigError."""
    if not config.overlay_network:
        return None
    if os.geteuid() != 0:
        raise ConfigError("--overlay-network needs an agent that is run by root")
    if config.overlay_name == builtin.BRIDGE_NETWORK:
        raise ConfigError(f"--overlay-name {builtin.BRIDGE_NETWORK} is the name of the bridge")
    try:
        return parse(
            config.overlay_name,
            config.overlay_network,
            config.overlay_prefix,
            config.overlay_vtep_port,
        )
    except OverlayError as error:
        raise ConfigError(f"--overlay-network: {error}") from None


def membership(config: AgentConfig, ip: str) -> OverlayMember | None:
    """The agent's part in its overlay, at the address it advertises. Raises ConfigError."""
    overlay = overlay_of(config)
    if overlay is None:
        return None
    if IPv4Address(ip).is_loopback:
        raise ConfigError(
            f"--overlay-network needs an address that other hosts reach; --host {config.host} is "
            "this host's own"
        )
    return OverlayMember(network=overlay.key, subnets=overlay.subnets, address=ip)


def bridge_subnet(config: AgentConfig) -> IPv4Network | None:
    """The addresses of the built-in bridge. Raises ConfigError."""
    text = config.network_bridge_subnet
    if not text:
        return None
    try:
        subnet = IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise ConfigError(
            f"--network-bridge-subnet: '{text}' is not an IPv4 network such as 172.30.240.0/20"
        ) from None
    if subnet.prefixlen > _LONGEST_BRIDGE_PREFIX:
        raise ConfigError(f"--network-bridge-subnet: {subnet} has no room for containers")
    return subnet


class Networking:
    """``containers`` joins containers to networks; everything is kept below ``directory``.

    ``subnet`` is what the agent had of its overlay when it ended last.
    """

    def __init__(
        self, config: AgentConfig, directory: Path, ip: str, subnet: int | None = None
    ) -> None:
        self._directory = directory
        self._own = directory / "cni"
        self._bridge = bridge_subnet(config)
        self._overlay = overlay_of(config)
        self.overlay: OverlayConnection | None = None
        if self._overlay is not None:
            local = IPv4Address(ip)
            self.overlay = OverlayConnection(self._overlay, local, directory, self._own)
            if subnet is not None:
                self.overlay.configure(subnet, None)
        given = [Path(config.network_cni_config_dir)] if config.network_cni_config_dir else []
        places = [Path(part) for part in config.network_cni_plugins_dir.split(":") if part]
        read = partial(configurations.read, [*given, self._own])
        self.containers = ContainerNetworks(directory / "containers", read, Plugins(places))

    def prepare(self) -> None:
        """Write the built-in network, and take away an overlay of earlier."""
        text = builtin.bridge(self._bridge) if self._bridge is not None else None
        try:
            configurations.write(self._own, builtin.BRIDGE_NETWORK, text)
        except OSError as error:
            logger.error("the network %s cannot be had: %s", builtin.BRIDGE_NETWORK, error)
        take_away(self._directory, self._own, unless=self._overlay)

    def set_overlay(self, wanted: SetOverlay) -> None:
        """The master has spoken."""
        if self.overlay is None:
            return
        if wanted.problem is not None:
            self.overlay.refuse(wanted.problem)
        else:
            self.overlay.configure(wanted.subnet, wanted.peers)

    async def run(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.containers.run())
            if self.overlay is not None:
                group.create_task(self.overlay.run())

    async def leave(self) -> None:
        """The agent leaves the cluster for good, and its subnet goes to another."""
        if self.overlay is not None:
            await self.overlay.leave()
