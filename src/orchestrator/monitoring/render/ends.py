"""Who is at the other end: an index of listeners and addresses over all reports.

A connection told by the probe of the side that opened it names its own process; the other end is
found here, by the endpoint that somebody listens on, or else by whose address it is. A connection
told by the accepting side is left to the probe of the other one, if there is one, so that none
counts twice. One that lived too shortly for its process to be found is of whoever has the address,
if that is the probe's own machine. Ends that nobody reports are the Internet or, if the address is
private, something that has no probe.

The index remembers for each agent which keys it asked for, and names the agents whose answers a
change of the index may have changed. So one new container costs what it touches, not everything.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import get_args

from orchestrator.monitoring.render.lineage import PSEUDO, Lineage, Local
from orchestrator.monitoring.report import ids
from orchestrator.monitoring.report.kept import KeptReport
from orchestrator.monitoring.report.keys import PROTOCOL
from orchestrator.monitoring.report.model import Protocol

INTERNET = "internet"
UNKNOWN = "unknown"
IN, OUT = "in", "out"
_ANY = ("0.0.0.0", "::")
_PROTOCOLS: dict[str, Protocol] = {name: name for name in get_args(Protocol)}


class Index:
    """Keys (endpoints, addresses, ports of an owner) to what is behind them."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Lineage]] = {}  # key: agent: what it says
        self._of_agent: dict[str, dict[str, Lineage]] = {}
        self._asked: dict[str, set[str]] = {}  # key: agents
        self._asks: dict[str, set[str]] = {}  # agent: keys

    def put(self, agent: str, entries: dict[str, Lineage]) -> set[str]:
        """Replace what an agent says; returns the agents who asked for what has changed."""
        before = self._of_agent.get(agent, {})
        if before == entries:
            return set()
        touched = [key for key, value in entries.items() if before.get(key) != value]
        gone = [key for key in before if key not in entries]
        for key in gone:
            said = self._entries[key]
            del said[agent]
            if not said:
                del self._entries[key]
        for key in touched:
            self._entries.setdefault(key, {})[agent] = entries[key]
        if entries:
            self._of_agent[agent] = entries
        else:
            self._of_agent.pop(agent, None)
        return {one for key in (*touched, *gone) for one in self._asked.get(key, ())}

    def forget_questions(self, agent: str) -> None:
        """The agent will ask anew, or never again."""
        for key in self._asks.pop(agent, ()):
            askers = self._asked[key]
            askers.discard(agent)
            if not askers:
                del self._asked[key]

    def find(self, agent: str, key: str) -> Lineage | None:
        """What is behind a key; the agent will be named when that changes."""
        self._asked.setdefault(key, set()).add(agent)
        self._asks.setdefault(agent, set()).add(key)
        said = self._entries.get(key)
        if said is None:
            return None
        return said[agent] if agent in said else said[min(said)]

    def behind(self, agent: str, endpoint_id: str) -> Lineage | None:
        """Who is at an endpoint: who listens there, on all addresses, or has the address."""
        listener = self.find(agent, endpoint_id)
        if listener is not None:
            return listener
        owner = self.find(agent, ids.address_of(endpoint_id))
        if owner is None:
            return None
        port = endpoint_id.rpartition(ids.SEPARATOR)[2]
        return self.find(agent, _wildcard(owner, port)) or owner


def entries_of(kept: KeptReport, local: Local) -> dict[str, Lineage]:
    """What a report contributes to the index."""
    entries: dict[str, Lineage] = {}
    report = kept.report
    for topology in ("host", "container", "pod", "service"):
        for node in report.nodes.get(topology, []):
            owner = _owner(topology, node.id, local)
            entries.update(dict.fromkeys(node.addresses, owner))
    for _, target, protocol, _, process, _, container in kept.ends.rows():
        listener = local.end(process, container)
        if listener is not None:
            entries[ids.of_protocol(target, protocol)] = listener
    for node in report.nodes.get("endpoint", []):
        process = next(iter(node.parents.get("process", [])), "")
        container = next(iter(node.parents.get("container", [])), "")
        found = local.end(process, container) or {"host": report.host_id}
        id = ids.of_protocol(node.id, _PROTOCOLS.get(node.latest.get(PROTOCOL, ""), ids.TCP))
        endpoint = ids.parse_endpoint(id)
        is_any = endpoint is not None and endpoint.ip in _ANY
        key = _wildcard(found, id.rpartition(ids.SEPARATOR)[2]) if is_any else id
        entries[key] = found
    return entries


def _owner(topology: str, id: str, local: Local) -> Lineage:
    if topology == "container":
        return local.container(id)
    return {"host": id} if topology == "host" else {topology: id}


def _wildcard(owner: Lineage, port: str) -> str:
    """``port`` as it is in ids: with the protocol, if that is not TCP."""
    kind = "container" if "container" in owner else "host"
    return f"{kind}\n{owner.get(kind, '')}\n{port}"


def outside(endpoint_id: str, direction: str) -> Lineage:
    """An end that nobody reports."""
    endpoint = ids.parse_endpoint(endpoint_id)
    is_global = endpoint is not None and not endpoint.scope and _is_global(endpoint.ip)
    return _PSEUDO[INTERNET if is_global else UNKNOWN, direction]


_PSEUDO: dict[tuple[str, str], Lineage] = {
    (kind, direction): {PSEUDO: f"{kind};{direction}"}
    for kind in (INTERNET, UNKNOWN)
    for direction in (IN, OUT)
}


@lru_cache(maxsize=65536)
def _is_global(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_global
    except ValueError:
        return False
