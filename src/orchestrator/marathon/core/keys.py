"""Under which key each object is stored: one object, one key, below the name of its kind."""

from __future__ import annotations

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.run_spec import RunSpec

PREFIX = ""
FRAMEWORK = "framework"
APPS, VERSIONS = "apps", "versions"
PODS, POD_VERSIONS = "pods", "pod-versions"
INSTANCES, DEPLOYMENTS = "instances/", "deployments/"
FAILURES, DELAYS = "failures", "delays"
ENDED = "ended"  # instances of pods


def current(spec: RunSpec) -> str:
    """An app or a pod as it is now; its id begins with a slash."""
    return (APPS if isinstance(spec, App) else PODS) + spec.id


def version(spec: RunSpec) -> str:
    """An app or a pod as it was in one version."""
    return f"{VERSIONS if isinstance(spec, App) else POD_VERSIONS}{spec.id}@{spec.version}"
