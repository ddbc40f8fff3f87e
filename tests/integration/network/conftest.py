"""A host in a namespace of its own, and the container networks of an agent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from tests.support import hosts

from orchestrator.agent.adapters.network import builtin, configurations, namespaces
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.networks import ContainerNetworks

BRIDGE = IPv4Network("10.214.0.0/24")
MakeNetworks = Callable[..., ContainerNetworks]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[hosts.Host]:
    if (reason := hosts.missing()) is not None:
        pytest.skip(reason)
    with hosts.host(tmp_path) as made:
        yield made


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where the networks are kept; namespaces that are left there are let go of."""
    yield tmp_path / "network"
    for left in (tmp_path / "network").glob("*/netns"):
        namespaces.remove(left)


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """The directory of configurations, with the built-in bridge."""
    path = tmp_path / "cni"
    text = builtin.bridge(BRIDGE).replace(builtin.ADDRESSES, str(tmp_path / "addresses"))
    configurations.write(path, builtin.BRIDGE_NETWORK, text)
    return path


@pytest.fixture
def make_networks(host: hosts.Host, directory: Path, configured: Path) -> MakeNetworks:
    """Makes the networks of an agent, any number of times on one directory."""

    def make(timeout_s: float = 60.0) -> ContainerNetworks:
        read = partial(configurations.read, [configured])
        return ContainerNetworks(directory, read, Plugins([host.plugins], timeout_s))

    return make


@pytest.fixture
def networks(make_networks: MakeNetworks) -> ContainerNetworks:
    return make_networks()
