"""The sources of a probe: one line each, in the order in which they are asked."""

from __future__ import annotations

import importlib
from typing import NamedTuple

from orchestrator.monitoring.probe.roles import Setup, Source
from orchestrator.runtime.config import ConfigError


class _Entry(NamedTuple):
    """Where a source is; it is imported only if its setting is not empty: imports cost memory."""

    module: str
    function: str = "source"
    setting: str = "proc"


_SOURCES = {
    "host": _Entry("host"),
    "processes": _Entry("processes"),
    "short_lived": _Entry("short_lived"),
    "connections": _Entry("connections"),
    "docker": _Entry("docker", setting="docker_socket"),
    "agent": _Entry("mesos", "agent", setting="agent"),
    "containers": _Entry("containers"),
    "kubernetes": _Entry("kubernetes", setting="kubernetes"),
    "mesos": _Entry("mesos", "master", setting="mesos"),
    "marathon": _Entry("mesos", "marathon", setting="marathon"),
    "names": _Entry("names", setting="resolve_names"),
    "plugins": _Entry("plugins", setting="plugins_dir"),
}
NAMES = tuple(_SOURCES)


def make(setup: Setup) -> list[Source]:
    """Those that are wanted. Raises ConfigError."""
    disabled = setup.config.disabled_sources
    unknown = sorted(set(disabled) - set(NAMES))
    if unknown:
        raise ConfigError(
            f"--disabled-sources: there is no {unknown[0]!r}; there are {', '.join(NAMES)}"
        )
    return [
        _made(entry, setup)
        for name, entry in _SOURCES.items()
        if name not in disabled and getattr(setup.config, entry.setting)
    ]


def _made(entry: _Entry, setup: Setup) -> Source:
    module = importlib.import_module(f"{__package__}.{entry.module}.source")
    source: Source = getattr(module, entry.function)(setup)
    return source
