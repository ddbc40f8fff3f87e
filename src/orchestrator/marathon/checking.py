"""The settings: refused where they cannot be, and handed to the core."""

from __future__ import annotations

import getpass

from orchestrator.marathon import whereabouts
from orchestrator.marathon.adapters.master_access import access, ensemble, master_url
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.core.apps import features
from orchestrator.marathon.core.settings import Settings
from orchestrator.runtime.config import ConfigError


def check(config: MarathonConfig) -> None:
    """Raises ConfigError for settings that do not go together, or name nothing that is."""
    ensemble(config.master) or master_url(config.master)
    access(config)
    if config.zk:
        whereabouts.own_ensemble(config.zk)
    if unknown := set(config.enable_features) - features.AVAILABLE:
        known = ", ".join(sorted(features.AVAILABLE))
        raise ConfigError(f"--enable-features {', '.join(sorted(unknown))}: known are {known}")
    if config.local_port_min > config.local_port_max:
        raise ConfigError("--local-port-min must not be more than --local-port-max")


def _own_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id that has no name
        return "root"


def settings_of(config: MarathonConfig, address: str) -> Settings:
    """What the core is to know of it; ``address`` is where this Marathon is found (host:port)."""
    return Settings(
        framework_name=config.framework_name,
        user=config.user or _own_user(),
        role=config.role,
        principal=config.principal or None,
        hostname=address.rpartition(":")[0],
        webui_url=f"http://{address}",
        failover_timeout_s=config.failover_timeout_s,
        local_port_min=config.local_port_min,
        local_port_max=config.local_port_max,
        decline_offer_s=config.decline_offer_s,
        max_launches_per_offer=config.max_launches_per_offer,
        features=frozenset(config.enable_features),
        is_scarce_gpu_kept=config.gpu_scheduling_behavior == "restricted",
        accepted_roles=config.accepted_resource_roles_default_behavior,
        draining_s=config.draining_s,
        launch_tokens=config.launch_tokens,
        launch_token_refresh_interval_s=config.launch_token_refresh_interval_s,
        task_launch_confirm_timeout_s=config.task_launch_confirm_timeout_s,
        task_reservation_timeout_s=config.task_reservation_timeout_s,
        task_launch_timeout_s=config.task_launch_timeout_s,
        renew_framework_id=config.renew_framework_id,
        reconciliation_initial_delay_s=config.reconciliation_initial_delay_s,
        reconciliation_interval_s=config.reconciliation_interval_s,
        max_versions=config.max_versions,
        max_running_deployments=config.max_running_deployments,
        max_apps=config.max_apps,
        enforces_new_group_roles=config.new_group_enforce_role == "top",
        kill_chunk_size=config.kill_chunk_size,
        deployment_deadline_s=config.deployment_deadline_s,
        on_deadline=config.on_deadline,
    )
