"""What is going to be joined, worked out before anything is done; pure."""

from __future__ import annotations

from orchestrator.agent.adapters.network import wanted
from orchestrator.agent.adapters.network.cni import requests
from orchestrator.agent.adapters.network.cni.config import CniError, Network, Networks
from orchestrator.agent.adapters.network.records import Membership, Record
from orchestrator.agent.adapters.network.wanted import Wanted


def record_of(asked: Wanted, known: Networks) -> Record:
    """The record of what is going to be joined. Raises CniError when it cannot be."""
    memberships = []
    for number, (info, rates) in enumerate(zip(asked.networks, asked.rates, strict=True)):
        network = known.named(info.name or "")
        _check_abilities(network, info.port_mappings != [], wanted.demands_rates([info]))
        network = network.for_those_asking(requests.capabilities(info, rates))
        memberships.append(
            Membership(config=network.text, interface=f"eth{number}", info=info, rates=rates)
        )
    return Record(holder=asked.holder, hostname=asked.hostname, memberships=tuple(memberships))


def _check_abilities(network: Network, maps_ports: bool, limits_rates: bool) -> None:
    """What a network would leave out in silence is refused by name."""
    if maps_ports and not network.maps_ports:
        raise CniError(
            f"The network '{network.name}' maps no ports: no plug-in of it has the capability "
            "portMappings"
        )
    if limits_rates and not network.can("bandwidth"):
        raise CniError(
            f"The network '{network.name}' limits no rates: no plug-in of it has the capability "
            "bandwidth"
        )
