"""What is wanted of each probe, kept as one JSON file, so that it outlives the app."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import msgspec

from orchestrator.monitoring.report.agents import ProbeSettings

_decoder = msgspec.json.Decoder(dict[str, ProbeSettings])


def read(path: Path) -> dict[str, ProbeSettings]:
    """By probe; nothing if there is no file. Raises OSError."""
    if not path.exists():
        return {}
    try:
        return _decoder.decode(path.read_bytes())
    except ValueError:
        raise OSError(errno.EINVAL, f"{path.name} is damaged") from None


def write(path: Path, wanted: Mapping[str, ProbeSettings]) -> None:
    """Replace the file, which is whole at any time. Raises OSError."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(wanted)))
    part.replace(path)
