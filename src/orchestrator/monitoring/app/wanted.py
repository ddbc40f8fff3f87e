"""What is wanted of probes: on disk, so that it outlives the app, and the same on all replicas.

Revisions grow with time, not one by one: of what two replicas, or an app that has lost its disk and
the one before, say of the same probe, the later is wanted.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from orchestrator.monitoring.report.agents import ProbeSettings

logger = logging.getLogger(__name__)
Settings = Mapping[str, ProbeSettings]
"""By agent."""

_decoder = msgspec.json.Decoder(dict[str, ProbeSettings])


class Wanted:
    """The settings of all probes that anything was wanted of."""

    def __init__(self, path: Path) -> None:
        """What ``path`` has; if that cannot be read, nothing is wanted yet."""
        self.changed = asyncio.Event()
        """Somebody has asked this app for something else."""
        self._path = path
        self._settings: dict[str, ProbeSettings] = {}
        try:
            self._settings = _decoder.decode(path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, UnicodeError) as error:
            logger.error("settings of probes cannot be read from %s: %s", path, error)

    def of(self, agent_id: str) -> ProbeSettings:
        """Of one probe."""
        return self._settings.get(agent_id, ProbeSettings())

    def everything(self) -> Settings:
        """All of them."""
        return dict(self._settings)

    def want(self, agent_id: str, settings: ProbeSettings, now: float) -> ProbeSettings:
        """Want this of a probe; as it is kept, with its revision. Raises OSError."""
        revision = max(self.of(agent_id).revision + 1, int(now))
        kept = msgspec.structs.replace(settings, revision=revision)
        self._write({**self._settings, agent_id: kept})
        self.changed.set()
        return kept

    def merge(self, said: Settings) -> None:
        """What another replica was asked for, if that is later. Raises OSError."""
        later = {
            agent_id: settings
            for agent_id, settings in said.items()
            if settings.revision > self.of(agent_id).revision
        }
        if later:
            self._write({**self._settings, **later})

    def _write(self, settings: dict[str, ProbeSettings]) -> None:
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(msgspec.json.encode(settings))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
        self._settings = settings
