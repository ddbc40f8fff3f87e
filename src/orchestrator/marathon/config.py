"""What can be set on a Marathon."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from orchestrator.marathon.core.deployment.plan import OnDeadline


class MarathonConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one Marathon; durations in seconds."""

    master: Annotated[str, Meta(description="The master: URL or host:port.")] = (
        "http://127.0.0.1:5050"
    )
    master_encoding: Annotated[
        Literal["json", "protobuf"],
        Meta(description="Form of messages to and from the master."),
    ] = "json"
    master_ca_file: Annotated[
        str,
        Meta(description="Certificates (PEM) that a master's must be signed by; it is then https."),
    ] = ""
    zk: Annotated[
        str,
        Meta(
            description="With several Marathons: zk://[user:password@]host:port,.../marathon; "
            "the state is then kept there."
        ),
    ] = ""
    zk_session_timeout_s: Annotated[
        float, Meta(description="Silence after which a Marathon's lead is over.", ge=0.5)
    ] = 2.5
    leader_proxy_connection_timeout_s: Annotated[
        float, Meta(description="How long a standby tries to reach the leader.", gt=0)
    ] = 5.0
    leader_proxy_read_timeout_s: Annotated[
        float, Meta(description="How long a standby waits for the leader to answer.", gt=0)
    ] = 35.0
    leader_proxy_max_open_connections: Annotated[
        int, Meta(description="Requests that a standby passes on at once.", ge=1)
    ] = 64
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 8080
    data_dir: Annotated[str, Meta(description="Directory of Marathon's state.")] = (
        "/var/lib/orchestrator/marathon"
    )
    hostname: Annotated[str, Meta(description="Name to advertise; the host if empty.")] = ""
    framework_name: Annotated[str, Meta(description="Name as a framework of the master.")] = (
        "marathon"
    )
    user: Annotated[str, Meta(description="User to run tasks as; Marathon's own if empty.")] = ""
    role: Annotated[str, Meta(description="Mesos role to receive offers for.", min_length=1)] = "*"
    principal: Annotated[str, Meta(description="Principal to authenticate with.")] = ""
    secret: Annotated[str, Meta(description="Secret of the principal.")] = ""
    new_group_enforce_role: Annotated[
        Literal["off", "top"],
        Meta(description="Whether new top-level groups give their name to apps as role: top, off."),
    ] = "off"
    secret_file: Annotated[str, Meta(description="File that holds the secret instead.")] = ""
    renew_framework_id: Annotated[
        bool,
        Meta(description="Begin anew when the master has removed the framework, else stop."),
    ] = False
    failover_timeout_s: Annotated[
        float, Meta(description="How long tasks outlive a Marathon that is gone.", ge=0)
    ] = 604_800.0
    local_port_min: Annotated[
        int, Meta(description="Lowest service port to assign.", ge=1, le=65535)
    ] = 10_000
    local_port_max: Annotated[
        int, Meta(description="Highest service port to assign.", ge=1, le=65535)
    ] = 20_000
    decline_offer_s: Annotated[
        float, Meta(description="How long unneeded offers are declined for.", ge=0)
    ] = 120.0
    max_launches_per_offer: Annotated[
        int, Meta(description="Tasks launched on one offer at most.", ge=1)
    ] = 100
    enable_features: Annotated[
        tuple[str, ...],
        Meta(description="Features to turn on: secrets, gpu_resources, external_volumes ..."),
    ] = ()
    gpu_scheduling_behavior: Annotated[
        Literal["restricted", "unrestricted"],
        Meta(description="Whether agents with GPUs are kept for apps that use GPUs."),
    ] = "restricted"
    accepted_resource_roles_default_behavior: Annotated[
        Literal["any", "unreserved", "reserved"],
        Meta(description="Which resources apps accept that do not say it."),
    ] = "any"
    draining_s: Annotated[
        float, Meta(description="How long before an agent's maintenance it is not used.", ge=0)
    ] = 0.0
    launch_tokens: Annotated[
        int, Meta(description="Launches per interval, and one for each that runs; 0: any.", ge=0)
    ] = 0
    launch_token_refresh_interval_s: Annotated[
        float, Meta(description="The interval of the launch tokens.", gt=0)
    ] = 30.0
    task_launch_confirm_timeout_s: Annotated[
        float, Meta(description="How long Mesos may take to confirm a launched task.", gt=0)
    ] = 300.0
    task_reservation_timeout_s: Annotated[
        float, Meta(description="How long a new reservation may take to be offered.", gt=0)
    ] = 20.0
    task_launch_timeout_s: Annotated[
        float, Meta(description="How long a launched task may take to run.", gt=0)
    ] = 300.0
    reconciliation_initial_delay_s: Annotated[
        float, Meta(description="From the subscription to the second reconciliation.", gt=0)
    ] = 15.0
    reconciliation_interval_s: Annotated[
        float, Meta(description="Time between reconciliations with the master.", gt=0)
    ] = 600.0
    max_versions: Annotated[
        int, Meta(description="Versions kept of each app, and of all together.", ge=1)
    ] = 50
    max_running_deployments: Annotated[
        int, Meta(description="Deployments that may run at once.", ge=1)
    ] = 100
    max_apps: Annotated[int, Meta(description="Apps that may exist.", ge=1)] = 20_000
    max_concurrent_health_checks: Annotated[
        int, Meta(description="Health and readiness checks that Marathon makes at once.", ge=1)
    ] = 256
    kill_chunk_size: Annotated[
        int, Meta(description="Unhealthy instances that are being killed at once.", ge=1)
    ] = 100
    deployment_deadline_s: Annotated[
        float, Meta(description="How long a deployment may take; 0 for ever.", ge=0)
    ] = 0.0
    on_deadline: Annotated[
        OnDeadline, Meta(description="What a deployment that takes longer comes to.")
    ] = OnDeadline.ROLLBACK
    access_control_allow_origin: Annotated[
        str,
        Meta(description="Origins, with commas between, whose pages may use the API; * for all."),
    ] = ""
