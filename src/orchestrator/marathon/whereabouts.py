"""Where a Marathon is: for its clients, for the other Marathons, and on the ensemble."""

from __future__ import annotations

import ipaddress
import uuid

from yarl import URL

from orchestrator.marathon.adapters.api.backend import VERSION
from orchestrator.marathon.config import MarathonConfig
from orchestrator.mesos.types import Address, MasterInfo
from orchestrator.runtime.address import ANY, ip_of
from orchestrator.runtime.config import ConfigError
from orchestrator.zookeeper import uri
from orchestrator.zookeeper.candidate import Place


def place(ensemble: uri.ZooKeeperUri, timeout_s: float) -> Place:
    """The election and the store lie side by side below the path that was given."""
    return Place(f"{ensemble.path}/leader", f"{ensemble.path}/store", timeout_s)


def own_ensemble(text: str) -> uri.ZooKeeperUri:
    """Where several Marathons meet. Raises ConfigError."""
    try:
        return uri.parse(text)
    except uri.UriError as error:
        raise ConfigError(f"--zk: {error}") from None


def address(config: MarathonConfig, url: str) -> str:
    """Where others find the Marathon that this machine finds at the URL."""
    here = URL(url)
    if not config.hostname and config.zk and config.host == ANY:
        return f"{_ip(config)}:{here.port}"
    return f"{config.hostname or here.host}:{here.port}"


def _ip(config: MarathonConfig) -> str:
    return ip_of(config.host, uri.parse(config.zk).hosts[0])


def description(config: MarathonConfig, url: str) -> MasterInfo:
    """What other Marathons read of this one, with a new id."""
    hostname, _, port_text = address(config, url).rpartition(":")
    ip, port = _ip(config), int(port_text)
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=int.from_bytes(ipaddress.IPv4Address(ip).packed, "little"),
        port=port,
        hostname=hostname,
        version=VERSION,
        address=Address(hostname=hostname, ip=ip, port=port),
    )
