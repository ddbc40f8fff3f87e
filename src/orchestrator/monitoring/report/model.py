"""A report: the nodes that a probe sees, by topology, and the connections between them.

Lengths are limited where a field is read, so that nothing too long is ever held; what needs a look
at several fields, or at the time, is in ``validity``. Unknown fields are ignored: a newer probe may
say more within the same version.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

VERSION: Final = 1
"""Of the meaning of a report. It changes only when an app of before would read one wrongly."""

Topology = Literal[
    "host",
    "process",
    "container",
    "image",
    "endpoint",
    "pod",
    "service",
    "deployment",
    "replica_set",
    "daemon_set",
    "stateful_set",
    "job",
    "cron_job",
    "namespace",
    "persistent_volume",
    "persistent_volume_claim",
    "storage_class",
    "mesos_framework",
    "mesos_agent",
    "mesos_task",
    "marathon_app",
]
"""What kind of thing a node is."""

TOPOLOGIES: Final[tuple[Topology, ...]] = get_args(Topology)

Protocol = Literal["tcp", "udp", "sctp", "other"]

AgentId = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]
"""Names a probe in paths: letters, digits, dot, underscore and dash."""

NodeId = Annotated[str, Meta(min_length=1, max_length=512)]
Key = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(max_length=4096)]
Name = Annotated[str, Meta(max_length=512)]
Count = Annotated[int, Meta(ge=0, le=2**62)]


class Wire(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What travels: fields at their defaults are left out. Nothing in it refers to itself."""


class Node(Wire, frozen=True):
    """One thing that a probe sees."""

    id: NodeId
    """Unique in its topology, in the whole cluster; see ``ids`` for how it is made."""
    label: Name = ""
    """What people call it (a container's name, a process's command name); the id if empty."""
    latest: Annotated[dict[Key, Text], Meta(max_length=128)] = {}
    """What is known of it now, as text; keys with a meaning are in ``keys``."""
    metrics: Annotated[dict[Key, float], Meta(max_length=64)] = {}
    """What is measured: finite numbers, named with their unit last (``keys.METRICS``)."""
    parents: Annotated[
        dict[Topology, Annotated[list[NodeId], Meta(max_length=64)]], Meta(max_length=32)
    ] = {}
    """What it is a part of: a process has a container and a host, a container an image, a host and
    perhaps a pod. Views fold along these."""
    labels: Annotated[dict[Key, Text], Meta(max_length=128)] = {}
    """Labels that its owner gave it: of Docker, Kubernetes, Mesos, Marathon."""
    addresses: Annotated[list[Name], Meta(max_length=256)] = []
    """``scope;ip`` of hosts, containers, pods and services; see ``ids.address``. It is by these
    that a connection seen from one side only finds its other end."""
    controls: Annotated[list[Key], Meta(max_length=32)] = []
    """What may be asked of this node now, through the probe that reports it; see ``control``."""


class Connection(Wire, frozen=True):
    """Connections with the same two ends, or one of them if its ports are told.

    A probe that sees 1,000 connections of one client to one server may tell them as one with
    ``count`` 1,000 and no port in ``source``. Counters are of the connections that ``count`` and
    ``closed`` name, since these were opened, and of those closed earlier as long as it is told
    without a gap: so they never go back. Two of them are different if their ends, protocol or
    owners are. Of UDP nothing is counted but the connections: the other counters and the round-trip
    time are left out.
    """

    source: NodeId
    """Endpoint of the side that opened it, ``scope;ip;port`` (``ids.endpoint``)."""
    target: NodeId
    """Endpoint of the side that accepted it, after address translation where that is known."""
    protocol: Protocol = "tcp"
    source_process: Annotated[str, Meta(max_length=512)] = ""
    """Id of the process that holds the source, where this probe sees it; else empty."""
    target_process: Annotated[str, Meta(max_length=512)] = ""
    """The same of the target."""
    source_container: Annotated[str, Meta(max_length=512)] = ""
    """Id of the container at the source, where it is known without the process."""
    target_container: Annotated[str, Meta(max_length=512)] = ""
    """The same of the target."""
    count: Count = 1
    """Connections that are open now."""
    closed: Count = 0
    """Connections that were opened or open since the last report and are closed now."""
    bytes_sent: Count = 0
    """From source to target."""
    bytes_received: Count = 0
    """From target to source."""
    retransmits: Count = 0
    """Segments sent again, by the side that this probe sees."""
    rtt_ms: Annotated[float, Meta(ge=0)] | None = None
    """Smoothed round-trip time, the mean over ``count``; None if not known."""


class Plugin(Wire, frozen=True):
    """A plug-in of the probe, and how it does."""

    id: Name
    label: Name = ""
    description: Text = ""
    interfaces: Annotated[list[Key], Meta(max_length=16)] = []
    problem: Text = ""
    """Why it is not heard now, one sentence; empty if all is well."""


class Report(Wire, frozen=True):
    """All that one probe sees at one moment."""

    version: int
    """``VERSION`` of the probe."""
    agent_id: AgentId
    """The probe that reports: the same after a restart, different on every machine."""
    instance: Name
    """This run of the probe: made anew at each start. Two probes of one id differ in it."""
    instance_started_at: float
    """Unix seconds; of two instances with one id, the one that started later is heard."""
    number: Count
    """Counts the reports of one instance, from 1, without a gap unless some were dropped."""
    taken_at: float
    """Unix seconds at which it was taken, by the probe's clock."""
    host_id: NodeId
    """Id of the host node this probe runs on; it is among ``nodes``."""
    interval_s: Annotated[float, Meta(gt=0, le=3600)] = 15.0
    """When the next one is due; a probe that misses three of them is gone."""
    nodes: dict[Topology, list[Node]] = {}
    """No id twice within a topology."""
    connections: list[Connection] = []
    names: dict[Name, Annotated[list[Name], Meta(max_length=16)]] = {}
    """DNS names by which ``ip`` addresses were looked up here, the most recent first."""
    plugins: Annotated[list[Plugin], Meta(max_length=64)] = []
    problems: Annotated[list[Text], Meta(max_length=64)] = []
    """What this probe cannot see, and why, one sentence each."""
    dropped: Count = 0
    """Reports that this instance had to drop, as the app did not take them in time."""
