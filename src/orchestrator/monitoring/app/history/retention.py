"""What of history is deleted: what is too old, then the oldest until the rest is small enough."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """A file of history, and when it was begun (unix seconds)."""

    path: Path
    began_at: float
    size: int


def superfluous(files: list[Kept], now: float, max_age_s: float, max_bytes: int) -> list[Kept]:
    """What has to go."""
    ordered = sorted(files, key=lambda file: file.began_at)
    total = sum(file.size for file in ordered)
    going = []
    for file in ordered:
        if now - file.began_at <= max_age_s and total <= max_bytes:
            break
        going.append(file)
        total -= file.size
    return going


def delete(files: list[Kept]) -> None:
    """Delete files; one that cannot be is tried again next time."""
    for file in files:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("cannot delete %s: %s", file.path, error.strerror)
