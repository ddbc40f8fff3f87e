"""Features that are off unless the operator turns them on, as Marathon's ``--enable_features``."""

from __future__ import annotations

from collections.abc import Collection

SECRETS, GPU_RESOURCES = "secrets", "gpu_resources"
EXTERNAL_VOLUMES = "external_volumes"
AVAILABLE = frozenset({"vips", "task_killing", EXTERNAL_VOLUMES, SECRETS, GPU_RESOURCES})


def problem(feature: str, enabled: Collection[str]) -> str | None:
    """What to tell those who use a feature that is off, in Marathon's words."""
    if feature in enabled:
        return None
    return f"Feature {feature} is not enabled. Enable with --enable_features {feature})"
