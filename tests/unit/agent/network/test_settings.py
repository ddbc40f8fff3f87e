"""Wrong settings of networks end the agent at once, with a sentence."""

from __future__ import annotations

import os

import pytest

from orchestrator.agent.adapters.network import service
from orchestrator.agent.config import AgentConfig
from orchestrator.runtime.config import ConfigError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can have an overlay")


@pytest.mark.parametrize("subnet", ["nonsense", "10.0.0.1/8", "10.0.0.0/30", "fd00::/64"])
def test_a_bridge_that_cannot_be_is_refused(subnet: str) -> None:
    with pytest.raises(ConfigError, match="--network-bridge-subnet"):
        service.bridge_subnet(AgentConfig(network_bridge_subnet=subnet))


def test_no_bridge_and_no_overlay_are_fine() -> None:
    config = AgentConfig(network_bridge_subnet="")
    assert service.bridge_subnet(config) is None
    assert service.membership(config, "127.0.0.1") is None


@as_root
def test_an_overlay_needs_an_address_that_others_reach() -> None:
    config = AgentConfig(overlay_network="9.0.0.0/8")
    with pytest.raises(ConfigError, match="needs an address that other hosts reach"):
        service.membership(config, "127.0.0.1")
    member = service.membership(config, "10.0.0.1")
    assert member is not None
    assert (member.network, member.subnets) == ("overlay 9.0.0.0/8 24 4789", 65536)


@as_root
def test_an_overlay_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="--overlay-network: '9' is not"):
        service.membership(AgentConfig(overlay_network="9"), "10.0.0.1")
    with pytest.raises(ConfigError, match="name of the bridge"):
        config = AgentConfig(overlay_network="9.0.0.0/8", overlay_name="mesos-bridge")
        service.membership(config, "10.0.0.1")
