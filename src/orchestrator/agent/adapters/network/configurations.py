"""The network configurations of an agent: the operator's directory, then the agent's own.

Both are read whenever a container joins, so that networks can be added, changed and removed while
the agent runs. A network of the operator's hides one of the agent's of the same name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from orchestrator.agent.adapters.network.cni.config import (
    MAX_BYTES,
    MAX_NETWORKS,
    SUFFIXES,
    Networks,
    collect,
)

logger = logging.getLogger(__name__)


def read(directories: Sequence[Path]) -> Networks:
    """All networks of the directories; earlier ones win, files count by name."""
    files = [file for directory in directories for file in _files(directory)]
    networks = collect((str(file), _text(file)) for file in files[:MAX_NETWORKS])
    for problem in networks.problems:
        logger.warning("network configuration %s", problem)
    return networks


def write(directory: Path, name: str, text: str | None) -> None:
    """Keep a configuration of the agent's own, or none of that name. Raises OSError."""
    file = directory / f"{name}.conflist"
    if text is None:
        file.unlink(missing_ok=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f"{name}.new"
    new.write_text(text)
    new.rename(file)


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(file for file in directory.iterdir() if file.suffix in SUFFIXES)
    except OSError as error:
        logger.warning("no network configurations can be read in %s: %s", directory, error.strerror)
        return []


def _text(file: Path) -> str:
    """What is in it; what cannot be read or is too long becomes a problem of parsing."""
    try:
        with file.open(errors="replace") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as error:
        logger.warning("the network configuration %s cannot be read: %s", file, error.strerror)
        return ""
    return text if len(text) <= MAX_BYTES else ""
