"""Sizes as Mesos' flags write them: ``10MB``, ``2GB``; the units are powers of 1024."""

from __future__ import annotations

import re

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_SIZE = re.compile(r"\s*(\d{1,15})\s*(B|KB|MB|GB|TB)\s*", re.IGNORECASE)


def parse_bytes(text: str) -> int:
    """How many bytes a size is. Raises ValueError with a sentence (stout/bytes.hpp of Mesos)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no size; write it as 512KB, 10MB or 2GB")
    power = _UNITS[found[2].upper()]
    return int(found[1]) << (10 * power)
