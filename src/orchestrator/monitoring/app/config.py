"""What can be set on the app."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class AppConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one app; durations in seconds."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 4040
    data_dir: Annotated[str, Meta(description="Directory of history and audit.")] = (
        "/var/lib/orchestrator/app"
    )
    access_file: Annotated[
        str,
        Meta(
            description="YAML file of tokens and what roles may do; without one, everybody who "
            "reaches the app has the role of --anonymous-role."
        ),
    ] = ""
    anonymous_role: Annotated[
        str,
        Meta(
            description="Role of those without a token: admin, operator, viewer, probe or none; "
            "if empty, admin on a loopback address, viewer and probe elsewhere."
        ),
    ] = ""
    tick_s: Annotated[
        float, Meta(description="Time between two frames to those who watch.", ge=0.05, le=60)
    ] = 1.0
    heartbeat_s: Annotated[
        float, Meta(description="Time between the heartbeats of a probe.", ge=1, le=600)
    ] = 15.0
    max_agents: Annotated[int, Meta(description="Probes that may report.", ge=1)] = 10_000
    max_nodes: Annotated[
        int, Meta(description="Nodes of all reports together; beyond, reports are refused.", ge=1)
    ] = 1_000_000
    max_report_nodes: Annotated[int, Meta(description="Nodes in one report.", ge=1)] = 20_000
    max_report_bytes: Annotated[
        int, Meta(description="Size of one report as it travels.", ge=1024)
    ] = 8 * 1024 * 1024
    max_series: Annotated[
        int, Meta(description="Series kept in memory for an hour; 1 kB each.", ge=1)
    ] = 200_000
    max_watchers: Annotated[int, Meta(description="WebSockets of views open at once.", ge=1)] = 1000
    bus: Annotated[
        str,
        Meta(
            description="Addresses of NATS with commas between (nats://host:4222), over which "
            "replicas of the app tell each other what probes report; none if empty."
        ),
    ] = ""
    remote_write: Annotated[
        str,
        Meta(
            description="URL to which series are sent as Prometheus' remote write "
            "(http://prometheus:9090/api/v1/write); nowhere if empty."
        ),
    ] = ""
    remote_write_token_file: Annotated[
        str, Meta(description="File with the bearer token for --remote-write.")
    ] = ""
    remote_write_backlog: Annotated[
        int,
        Meta(description="Samples that wait for --remote-write; beyond, the oldest go.", ge=1000),
    ] = 500_000
    retention_days: Annotated[float, Meta(description="Age at which history is deleted.", gt=0)] = (
        7.0
    )
    retention_mb: Annotated[
        int, Meta(description="Size of history at which the oldest is deleted.", ge=16)
    ] = 4096
