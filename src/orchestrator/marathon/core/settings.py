"""What the core needs to know of its configuration; durations in seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from orchestrator.marathon.core.deployment.plan import OnDeadline

AcceptedRoles = Literal["any", "unreserved", "reserved"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this Marathon behaves. Defaults are Marathon's unless a reason is given."""

    framework_name: str = "marathon"
    user: str = "root"
    role: str = "*"
    features: frozenset[str] = frozenset()  # that are on; see ``features``
    principal: str | None = None
    hostname: str = ""
    webui_url: str = ""
    failover_timeout_s: float = 604_800.0
    local_port_min: int = 10_000
    local_port_max: int = 20_000
    decline_offer_s: float = 120.0
    min_revive_interval_s: float = 0.25  # Marathon: 5; a failed task should be back sooner
    max_launches_per_offer: int = 100  # Marathon: 5; large deployments need fewer rounds
    max_accept_bytes: int = 8 * 1024**2 - 64 * 1024  # a master takes 8 MiB, with all around it
    launch_tokens: int = 0  # per interval, 0 for no bound; Marathon: 100
    launch_token_refresh_interval_s: float = 30.0
    task_launch_confirm_timeout_s: float = 300.0
    task_launch_timeout_s: float = 300.0
    task_reservation_timeout_s: float = 20.0
    draining_s: float = 0.0  # before a maintenance begins
    accepted_roles: AcceptedRoles = "any"  # of apps that do not say it
    is_scarce_gpu_kept: bool = True  # agents with GPUs are for apps that use GPUs
    kill_retry_interval_s: float = 10.0
    reconciliation_initial_delay_s: float = 15.0
    reconciliation_interval_s: float = 600.0
    scale_check_interval_s: float = 300.0
    max_versions: int = 50
    max_running_deployments: int = 100
    max_apps: int = 20_000
    enforces_new_group_roles: bool = False
    kill_chunk_size: int = 100  # unhealthy instances that are being killed at once
    deployment_deadline_s: float = 0.0  # 0: deployments may take as long as they like
    on_deadline: OnDeadline = OnDeadline.ROLLBACK
    renew_framework_id: bool = False
