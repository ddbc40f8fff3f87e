"""Which networks a container asks for, pure.

A member of a task group shares the network of its group: both are *held* under the id of the parent
container, and whichever comes first joins the networks. That the ports a group maps are among those
of its tasks was seen to when it was admitted (``core.admission``). NetworkInfos without a name ask
for nothing, as in Mesos.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from orchestrator.agent.adapters.network.cni.config import CniError
from orchestrator.agent.adapters.network.cni.requests import Rates
from orchestrator.agent.core import ports
from orchestrator.agent.core.task import Container
from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import Message, NetworkInfo

MAX_NETWORKS = 16
_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")  # of the specification
RATE_RESOURCE = "network_bandwidth"
INGRESS_LABEL, EGRESS_LABEL = "network_ingress_mbits", "network_egress_mbits"
_MBIT = 1_000_000
_MOST_MBITS = 1_000_000.0


class Wanted(Message):
    """``holder`` is the container that holds the namespace; ``rates`` are one for each network."""

    holder: str
    hostname: str
    networks: tuple[NetworkInfo, ...] = ()
    rates: tuple[Rates, ...] = ()


def of(container: Container) -> Wanted:
    """What a container asks for. Raises CniError when it cannot be had on any agent."""
    holder, info = container.parent_id or container.id, container.info
    for name in (container.id, holder):
        if not _ID.fullmatch(name):
            raise CniError(f"'{name}' cannot be the id of a container with networks")
    asked = ports.joined(info)
    _check_names([network.name or "" for network in asked])
    has = resource_wire.from_wire(container.resources)
    is_alone = container.parent_id is None and container.task_id is not None
    problem = ports.mapping_problem(asked, has) if is_alone else None
    if problem is not None:
        raise CniError(problem)
    return Wanted(
        holder=holder,
        hostname=(info.hostname if info else None) or holder,
        networks=tuple(asked),
        rates=tuple(rates_of(network, has) for network in asked),
    )


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_NETWORKS:
        raise CniError(f"A container can join {MAX_NETWORKS} networks, not {len(names)}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CniError(f"A container can join the network '{twice}' once only")


def rates_of(network: NetworkInfo, has: Resources) -> Rates:
    """A container's limits in a network: by labels, or both ways what it has as a resource.

    Raises CniError when a label is no number of Mbit/s.
    """
    own = has.scalars().get(RATE_RESOURCE, 0) / 1000  # they are whole thousandths
    labels = {one.key: one.value or "" for one in (network.labels.labels if network.labels else ())}
    return Rates(
        ingress=_bits(labels, INGRESS_LABEL, own),
        egress=_bits(labels, EGRESS_LABEL, own),
    )


def _bits(labels: dict[str, str], label: str, own: float) -> int:
    text = labels.get(label)
    try:
        mbits = own if text is None else float(text)
    except ValueError:
        mbits = -1.0
    if not 0 <= mbits <= _MOST_MBITS:
        raise CniError(f"The label {label} must be a number of Mbit/s, not '{text}'")
    return int(mbits * _MBIT)


def demands_rates(networks: Iterable[NetworkInfo]) -> bool:
    """Whether limits are asked for by name, so that a network without them will not do."""
    labels = [one for network in networks if network.labels for one in network.labels.labels]
    return any(one.key in (INGRESS_LABEL, EGRESS_LABEL) for one in labels)
