"""What is mounted on this host.

Source: proc(5): the fifth field of mountinfo, with some characters in octal.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def below(path: Path) -> Path | None:
    """A mount at or below the path: nothing there may be removed, it would be somebody's volume."""
    return next((place for place in places() if place.is_relative_to(path)), None)


def places() -> list[Path]:
    """Where something is mounted."""
    fields = (line.split(b" ")[4] for line in _MOUNTS.read_bytes().splitlines())
    return [Path(os.fsdecode(_OCTAL.sub(_character, field))) for field in fields]


def _character(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8)])
