"""How ``docker run`` writes sizes, durations, switches and pairs. All raise ValueError."""

from __future__ import annotations

import re

from orchestrator.agent.adapters.docker.body import JSON

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def size(text: str) -> int:
    """``64m`` in bytes; -1 is no limit."""
    text = text.lower().removesuffix("ib") if text.lower().endswith("ib") else text.lower()
    text = text.removesuffix("b") if text[-2:-1] in _UNITS else text
    unit = _UNITS.get(text[-1:])
    return int(float(text[:-1]) * unit) if unit else int(text)


def duration_ns(text: str) -> int:
    """``1m30s`` in nanoseconds, as Go writes durations."""
    parts = re.findall(r"([0-9.]+)(ns|us|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return int(sum(float(number) * _SECONDS[unit] for number, unit in parts) * 1e9)


def flag(text: str) -> bool:
    """``true`` or ``false``; the mere flag is true."""
    if text.lower() not in ("true", "false", "1", "0", ""):
        raise ValueError(text)
    return text.lower() in ("true", "1", "")


def pair(text: str, separator: str = "=") -> tuple[str, str]:
    """A key and a value, both of them."""
    key, found, value = text.partition(separator)
    if not key or not found:
        raise ValueError(text)
    return key, value


def rate(text: str) -> JSON:
    """``/dev/sda:1m`` of the block device limits."""
    path, rate = pair(text, ":")
    return {"Path": path, "Rate": size(rate)}


def weight(text: str) -> JSON:
    """``/dev/sda:500``."""
    path, weight = pair(text, ":")
    return {"Path": path, "Weight": int(weight)}
