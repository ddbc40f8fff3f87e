"""The settings that /v2/info and /config show.

/v2/info has every key of Marathon 1.11's (InfoResource.scala), durations in milliseconds as there;
a key whose setting does not exist here is null.
"""

from __future__ import annotations

import msgspec

from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.types import MasterInfo
from orchestrator.zookeeper.uri import without_credentials

Values = dict[str, bool | int | float | str | list[str] | None]
_MS = 1000
_SECRET = "***"
_HEARTBEAT_MS = 15_000
_MISSED_HEARTBEATS = 5
_UNKNOWN_HERE = (
    "default_network_name", "env_vars_prefix", "offer_matching_timeout",
    "on_elected_prepare_timeout",
    "scale_apps_initial_delay", "task_lost_expunge_initial_delay", "task_lost_expunge_interval",
    "maintenance_mode",
)  # fmt: skip
_ZOOKEEPER = (
    "zk", "zk_compression", "zk_compression_threshold", "zk_connection_timeout",
    "zk_max_node_size", "zk_session_timeout", "zk_timeout",
)  # fmt: skip


def marathon_config(
    config: MarathonConfig, settings: Settings, hostname: str, master: MasterInfo | None
) -> Values:
    """``marathon_config`` of /v2/info."""
    values: Values = dict.fromkeys(_UNKNOWN_HERE)
    origins = config.access_control_allow_origin.replace(" ", "")
    values |= {
        "access_control_allow_origin": origins.split(",") if origins else None,
        "checkpoint": True,
        "decline_offer_duration": int(settings.decline_offer_s * _MS),
        "executor": "//cmd",
        "failover_timeout": int(settings.failover_timeout_s),
        "draining_seconds": int(config.draining_s),
        "features": sorted(config.enable_features),
        "gpu_scheduling_behavior": config.gpu_scheduling_behavior,
        "framework_name": settings.framework_name,
        "ha": bool(config.zk),
        "hostname": hostname,
        "launch_token": config.launch_tokens,
        "launch_token_refresh_interval": int(config.launch_token_refresh_interval_s * _MS),
        "leader_proxy_connection_timeout_ms": int(config.leader_proxy_connection_timeout_s * _MS),
        "leader_proxy_read_timeout_ms": int(config.leader_proxy_read_timeout_s * _MS),
        "local_port_max": settings.local_port_max,
        "local_port_min": settings.local_port_min,
        "master": without_credentials(config.master),
        "max_instances_per_offer": settings.max_launches_per_offer,
        "mesos_bridge_name": "mesos-bridge",
        "mesos_heartbeat_failure_threshold": _MISSED_HEARTBEATS,
        "mesos_heartbeat_interval": _HEARTBEAT_MS,
        "mesos_leader_ui_url": _url_of(master),
        "mesos_role": settings.role,
        "mesos_user": settings.user,
        "min_revive_offers_interval": int(settings.min_revive_interval_s * _MS),
        "new_group_enforce_role": config.new_group_enforce_role,
        "reconciliation_initial_delay": int(settings.reconciliation_initial_delay_s * _MS),
        "reconciliation_interval": int(settings.reconciliation_interval_s * _MS),
        "scale_apps_interval": int(settings.scale_check_interval_s * _MS),
        "store_cache": True,
        "task_launch_confirm_timeout": int(config.task_launch_confirm_timeout_s * _MS),
        "task_launch_timeout": int(settings.task_launch_timeout_s * _MS),
        "task_reservation_timeout": int(config.task_reservation_timeout_s * _MS),
        "webui_url": settings.webui_url or None,
    }
    return dict(sorted(values.items()))


def zookeeper_config(config: MarathonConfig) -> Values:
    """``zookeeper_config`` of /v2/info."""
    values: Values = dict.fromkeys(_ZOOKEEPER)
    values |= {"zk_max_versions": config.max_versions}
    if config.zk:
        values["zk"] = without_credentials(config.zk)
        values["zk_session_timeout"] = int(config.zk_session_timeout_s * _MS)
    return values


def shown_config(config: MarathonConfig) -> dict[str, object]:
    """All settings by name, without what must not be seen."""
    shown = msgspec.to_builtins(config) | {
        "master": without_credentials(config.master),
        "zk": without_credentials(config.zk),
    }
    return {name: _SECRET if "secret" in name and value else value for name, value in shown.items()}


def _url_of(master: MasterInfo | None) -> str | None:
    if master is None or not master.port:
        return None
    return f"http://{master.hostname or '127.0.0.1'}:{master.port}/"
