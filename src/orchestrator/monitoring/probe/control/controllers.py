"""Who carries out which control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from orchestrator.monitoring.probe.roles import (
    Answer,
    Asked,
    ControlFailedError,
    Controller,
    PluginController,
    Source,
)
from orchestrator.monitoring.report import Topology

PLUGIN_MARK: Final = "~"
"""In the names of controls that plug-ins offer, behind the id of the plug-in."""


class Controllers:
    """Those of all sources; false if there are none."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._of: dict[Topology, Controller] = {}
        self._of_plugins: PluginController | None = None
        for source in sources:
            self._of.update(source.controllers)
            self._of_plugins = source.plugin_controller or self._of_plugins

    def __bool__(self) -> bool:
        return bool(self._of) or self._of_plugins is not None

    async def carry_out(self, topology: Topology, asked: Asked) -> Answer:
        """Do it. Raises ControlFailedError."""
        if self._of_plugins is not None and PLUGIN_MARK in asked.control:
            return await self._of_plugins(asked, topology)
        controller = self._of.get(topology)
        if controller is None:
            raise ControlFailedError(f"this probe has no controls of a {topology}")
        return await controller(asked)
