"""What masters and agents answer alike: flags, version, figures."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.mesos.older_api import MESOS_VERSION
from orchestrator.mesos.operator.responses import (
    Flag,
    Flags,
    GetVersion,
    Metric,
    Metrics,
    VersionInfo,
)


def flags(values: Mapping[str, object]) -> Flags:
    """GET_FLAGS."""
    return Flags(flags=[Flag(name=name, value=str(value)) for name, value in values.items()])


def version(build: str) -> GetVersion:
    """GET_VERSION: what this is compatible with, and as a tag what it is."""
    info = VersionInfo(
        version=MESOS_VERSION,
        build_date="",
        build_time=0.0,
        build_user="",
        git_tag=f"orchestrator-{build}",
    )
    return GetVersion(version_info=info)


def metrics(figures: Mapping[str, float]) -> Metrics:
    """GET_METRICS."""
    return Metrics(metrics=[Metric(name=name, value=value) for name, value in figures.items()])
