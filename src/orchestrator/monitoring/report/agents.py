"""What a probe and the app say to each other beside reports; JSON.

A probe registers when it starts, and again when the app answers a heartbeat or report with 404
(an app that has restarted knows nobody). It sends a heartbeat every ``heartbeat_s`` that the app
names. Where tokens are set, every request has ``Authorization: Bearer TOKEN`` of role "probe".
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from orchestrator.monitoring.report.model import AgentId, Count, Key, Name, NodeId, Text, Wire


class Registration(Wire, frozen=True):
    """A probe presents itself."""

    version: int
    """``model.VERSION``."""
    agent_id: AgentId
    instance: Name
    instance_started_at: float
    """Unix seconds; see ``model.Report``."""
    host_id: NodeId
    probe_version: Name = ""
    interval_s: Annotated[float, Meta(gt=0, le=3600)] = 15.0
    sources: Annotated[list[Key], Meta(max_length=64)] = []
    """Where it looks: host, processes, docker, connections, kubernetes, ..."""
    controls: Annotated[list[Key], Meta(max_length=64)] = []
    """The controls it carries out; empty if it was started without any."""


class ProbeSettings(Wire, frozen=True):
    """What the app wants of a probe; None and empty leave it what its own settings say."""

    revision: int = 0
    """Grows with every change, by as much as time has passed."""
    interval_s: Annotated[float, Meta(ge=1, le=3600)] | None = None
    disabled_sources: Annotated[list[Key], Meta(max_length=64)] = []


class Registered(Wire, frozen=True):
    """The app knows the probe."""

    agent_id: str
    heartbeat_s: float = 15.0
    settings: ProbeSettings = ProbeSettings()


class Heartbeat(Wire, frozen=True):
    """The probe lives."""

    instance: Name
    backlog: Count = 0
    """Reports that wait to be sent."""
    dropped: Count = 0
    """Reports of this instance that had to be dropped."""
    cpu_percent: float = 0.0
    """Of one core, of the probe itself."""
    memory_bytes: Count = 0
    problem: Text = ""


class HeartbeatAnswer(Wire, frozen=True):
    """What the probe should know now."""

    settings_revision: int = 0
    """When it is above the one the probe has, it should read ``paths.config``."""
