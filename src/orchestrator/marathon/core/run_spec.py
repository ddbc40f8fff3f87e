"""What Marathon keeps running: an app or a pod.

Both answer to the same names (id, instances, version, config_version, upgrade_strategy, role,
constraints ...), so that whoever scales, places or replaces instances need not know which it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.pods.pod import Pod

RunSpec = App | Pod


def stamped(spec: RunSpec, version: str, old: RunSpec | None) -> RunSpec:
    """The app or pod as a new version, after ``old``."""
    match spec:
        case App():
            return spec.stamped(version, old if isinstance(old, App) else None)
        case Pod():
            return spec.stamped(version, old if isinstance(old, Pod) else None)


def scaled(spec: RunSpec, instances: int, version: str) -> RunSpec:
    """The same app or pod with another number of instances, as a new version."""
    match spec:
        case App():
            return replace(spec, instances=instances).stamped(version, spec)
        case Pod():
            scaling = replace(spec.scaling, instances=instances)
            return replace(spec, scaling=scaling).stamped(version, spec)
