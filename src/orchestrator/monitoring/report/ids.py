"""How nodes are named, so that what different probes say of one thing meets.

| topology | id |
|---|---|
| host | the machine's name in the cluster (its hostname, unless the probe is given another) |
| process | ``host;pid`` |
| container | the id that its engine or agent gave it |
| image | its name with tag, or the digest if it has none |
| endpoint | ``scope;ip;port``, of other protocols than TCP ``scope;ip;port/udp`` |
| Kubernetes objects | the object's uid; of a namespace its name, by which others name it |
| mesos_framework, mesos_agent | the Mesos id |
| mesos_task | ``framework;task`` |
| marathon_app | the app's path, ``/group/app`` |

``scope`` says among whom an address means one thing: it is empty for addresses that the whole
cluster routes, the host's id for addresses of a network inside one host (a Docker bridge), and
``host:namespace`` for loopback addresses, with the inode of the network namespace.

``port`` is empty for a source that stands for many connections.
"""

from __future__ import annotations

from typing import Final, NamedTuple, get_args

from orchestrator.monitoring.report.model import Protocol

SEPARATOR = ";"
TCP: Final = "tcp"
"""The protocol of ports that name none, as all did before there were others."""
_NAMED: Final = frozenset(get_args(Protocol)) - {TCP}


class Endpoint(NamedTuple):
    """The parts of an endpoint's id; ``port`` is None where none is told."""

    scope: str
    ip: str
    port: int | None
    protocol: str = TCP


def process(host: str, pid: int) -> str:
    """Id of a process."""
    return f"{host};{pid}"


def mesos_task(framework: str, task: str) -> str:
    """Id of a Mesos task."""
    return f"{framework};{task}"


def address(scope: str, ip: str) -> str:
    """An address as nodes own it."""
    return f"{scope};{ip}"


def endpoint(scope: str, ip: str, port: int | None, protocol: Protocol = TCP) -> str:
    """Id of an endpoint; without a port it is the same of all protocols."""
    return of_protocol(f"{scope};{ip};{'' if port is None else port}", protocol)


def of_protocol(endpoint_id: str, protocol: Protocol) -> str:
    """The id as ``endpoint`` makes it, also of one that leaves out a protocol told beside it."""
    port = endpoint_id.rpartition(SEPARATOR)[2]
    return f"{endpoint_id}/{protocol}" if protocol != TCP and port.isdigit() else endpoint_id


def parse_endpoint(id: str) -> Endpoint | None:
    """The parts of an endpoint's id; None if it is none. The scope may hold semicolons."""
    parts = id.rsplit(SEPARATOR, 2)
    if len(parts) != 3:
        return None
    scope, ip, where = parts
    if not where:
        return Endpoint(scope, ip, None)
    port, slash, protocol = where.partition("/")
    if slash and protocol not in _NAMED:
        return None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536):
        return None
    return Endpoint(scope, ip, int(port), protocol or TCP)


def address_of(endpoint_id: str) -> str:
    """The address ``scope;ip`` of an endpoint's id."""
    return endpoint_id.rpartition(SEPARATOR)[0]
