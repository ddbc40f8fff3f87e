"""What can be set on a master."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class MasterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one master; durations in seconds."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 5050
    data_dir: Annotated[str, Meta(description="Directory of the registry.")] = (
        "/var/lib/orchestrator/master"
    )
    zk: Annotated[
        str,
        Meta(
            description="With several masters: zk://[user:password@]host:port,.../mesos; "
            "the registry is then kept there."
        ),
    ] = ""
    zk_session_timeout_s: Annotated[
        float, Meta(description="Silence after which a master's lead is over.", ge=0.5)
    ] = 2.5
    hostname: Annotated[str, Meta(description="Name to advertise; the host if empty.")] = ""
    cluster: Annotated[str, Meta(description="Name of the cluster, shown in /state.")] = ""
    weights: Annotated[str, Meta(description="Weights of roles: role=2,other=1.5.")] = ""
    allocation_interval_s: Annotated[
        float, Meta(description="Least time before declined resources are offered again.", gt=0)
    ] = 1.0
    min_allocatable_resources: Annotated[
        str, Meta(description="Least worth an offer: alternatives such as cpus:1;mem:64|gpus:1.")
    ] = "cpus:0.01|mem:32"
    offer_timeout_s: Annotated[
        float, Meta(description="Rescind offers unanswered for so long; 0: never.", ge=0)
    ] = 0.0
    heartbeat_interval_s: Annotated[
        float, Meta(description="Time between heartbeats to frameworks.", gt=0)
    ] = 15.0
    agent_ping_timeout_s: Annotated[
        float, Meta(description="Time between pings to an agent.", gt=0)
    ] = 15.0
    max_agent_ping_timeouts: Annotated[
        int, Meta(description="Pings unanswered before an agent is lost.", ge=1)
    ] = 5
    agent_removal_interval_s: Annotated[
        float, Meta(description="Least time between two agents being given up.", ge=0)
    ] = 0.0
    agent_reregister_timeout_s: Annotated[
        float, Meta(description="Time agents have to come back after the master's restart.", gt=0)
    ] = 600.0
    max_completed_frameworks: Annotated[
        int, Meta(description="Completed frameworks remembered.", ge=0)
    ] = 50
    max_completed_tasks_per_framework: Annotated[
        int, Meta(description="Completed tasks remembered for each framework.", ge=0)
    ] = 1000
    max_operator_subscribers: Annotated[
        int, Meta(description="Operators' event streams open at once; the oldest is closed.", ge=1)
    ] = 1000
    log_file: Annotated[
        str, Meta(description="Where this master's log is kept, to be shown below /files.")
    ] = ""
    max_frameworks: Annotated[
        int, Meta(description="Frameworks that may be registered at once.", ge=1)
    ] = 10_000
    max_agents: Annotated[int, Meta(description="Agents that may be registered.", ge=1)] = 50_000
    max_unread_bytes: Annotated[
        int, Meta(description="What a framework may leave unread before it is cut off.", ge=65536)
    ] = 64 * 1024 * 1024
