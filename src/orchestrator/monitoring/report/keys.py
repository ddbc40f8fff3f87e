"""Names of values and metrics that have a meaning; a probe may tell any others beside them.

Values are text: times are unix seconds as a decimal number, lists have commas between.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STATE: Final = "state"
"""created, running, paused, restarting, exited, dead; of pods and tasks their own words."""
HEALTH: Final = "health"
"""healthy, unhealthy or unknown."""
STARTED_AT: Final = "started_at"
ENDED_AT: Final = "ended_at"
"""Of a process or container that was seen and is gone: it is told once more with this."""
COMMAND: Final = "command"
"""The command line, with what looks like a secret hidden."""
PID: Final = "pid"
PARENT_PID: Final = "parent_pid"
USER: Final = "user"
IMAGE: Final = "image"
ENGINE: Final = "engine"
"""docker, containerd, or native (our own agent)."""
NETWORKS: Final = "networks"
PORTS: Final = "ports"
"""``ip:port->port/protocol`` of a container."""
RESTARTS: Final = "restarts"
EXIT_CODE: Final = "exit_code"
NAMESPACE: Final = "namespace"
"""Of a Kubernetes object."""
IP: Final = "ip"
"""Addresses of a pod or service, for people to read."""
REASON: Final = "reason"
"""Why it is in its state, in its owner's words."""
CREATED_AT: Final = "created_at"
HOSTNAME: Final = "hostname"
KERNEL: Final = "kernel"
OS: Final = "os"
CPUS: Final = "cpus"
BOOTED_AT: Final = "booted_at"
PROBE_VERSION: Final = "probe_version"
INSTANCES_WANTED: Final = "instances_wanted"
INSTANCES: Final = "instances"
INSTANCES_READY: Final = "instances_ready"
PROTOCOL: Final = "protocol"
"""Of an endpoint that is listened on: tcp or udp."""


class Metric(NamedTuple):
    """What a metric measures; ``is_counter`` if it only grows until its owner starts anew."""

    unit: str
    is_counter: bool = False


METRICS: Final[dict[str, Metric]] = {
    "cpu_percent": Metric("percent"),  # of one core: 250 is two and a half
    "memory_bytes": Metric("bytes"),
    "memory_limit_bytes": Metric("bytes"),
    "memory_total_bytes": Metric("bytes"),
    "load_1m": Metric("count"),
    "load_5m": Metric("count"),
    "load_15m": Metric("count"),
    "open_files": Metric("count"),
    "threads": Metric("count"),
    "processes": Metric("count"),
    "disk_used_bytes": Metric("bytes"),
    "disk_total_bytes": Metric("bytes"),
    "disk_read_bytes_per_s": Metric("bytes/s"),
    "disk_written_bytes_per_s": Metric("bytes/s"),
    "network_received_bytes_per_s": Metric("bytes/s"),
    "network_sent_bytes_per_s": Metric("bytes/s"),
    "restarts": Metric("count", is_counter=True),
    "oom_kills": Metric("count", is_counter=True),
}
"""The metrics of hosts, containers and processes; each topology has those that make sense."""
