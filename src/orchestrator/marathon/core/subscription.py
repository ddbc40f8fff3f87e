"""Marathon as the framework that it is to the master."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.marathon.core.apps import features
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.types import Capability, FrameworkID, FrameworkInfo

_CAPABILITIES = ("PARTITION_AWARE", "TASK_KILLING_STATE", "MULTI_ROLE", "REGION_AWARE")


def framework_info(
    settings: Settings, framework_id: str | None, roles: Sequence[str]
) -> FrameworkInfo:
    """How Marathon introduces itself, in all roles that its apps have."""
    capabilities = [*_CAPABILITIES]
    if features.GPU_RESOURCES in settings.features:
        capabilities.append("GPU_RESOURCES")
    return FrameworkInfo(
        user=settings.user,
        name=settings.framework_name,
        id=FrameworkID(value=framework_id) if framework_id else None,
        failover_timeout=settings.failover_timeout_s,
        checkpoint=True,
        roles=list(roles),
        hostname=settings.hostname or None,
        principal=settings.principal,
        webui_url=settings.webui_url or None,
        capabilities=[Capability(type=name) for name in capabilities],
    )
