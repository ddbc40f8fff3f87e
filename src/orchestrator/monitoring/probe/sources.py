"""The sources of a probe: one line each, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.monitoring.probe.connections.source import source as connections
from orchestrator.monitoring.probe.containers.source import source as containers
from orchestrator.monitoring.probe.docker.source import source as docker
from orchestrator.monitoring.probe.host.source import source as host
from orchestrator.monitoring.probe.processes.source import source as processes
from orchestrator.monitoring.probe.roles import Setup, Source
from orchestrator.runtime.config import ConfigError

_SOURCES: dict[str, Callable[[Setup], Source | None]] = {
    "host": host,
    "processes": processes,
    "connections": connections,
    "docker": docker,
    "containers": containers,
}
NAMES = tuple(_SOURCES)


def make(setup: Setup) -> list[Source]:
    """Those that are wanted; one gives None where it has nothing to ask. Raises ConfigError."""
    disabled = setup.config.disabled_sources
    unknown = sorted(set(disabled) - set(NAMES))
    if unknown:
        raise ConfigError(
            f"--disabled-sources: there is no {unknown[0]!r}; there are {', '.join(NAMES)}"
        )
    found = [make_one(setup) for name, make_one in _SOURCES.items() if name not in disabled]
    return [source for source in found if source is not None]
