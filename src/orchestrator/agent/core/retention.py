"""Which sandboxes have to go: the old ones, and the fuller the disk the sooner.

The rule is Mesos' (Slave::age in src/slave/slave.cpp): what may stay shrinks with the free space,
``delay * max(0, 1 - headroom - usage)``, so that with the headroom used up nothing stays that no
task lives in. Ages are counted from the last change.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.mesos.types import Message


class Sandbox(Message):
    """A directory of a container; ``changed_at`` in Unix seconds."""

    path: str
    container_id: str
    changed_at: float
    is_in_use: bool


def allowed_age_s(delay_s: float, headroom: float, usage: float) -> float:
    """How old a sandbox may get; ``usage`` and ``headroom`` are parts of the disk, 0 to 1."""
    return delay_s * max(0.0, 1.0 - headroom - usage)


def garbage(sandboxes: Iterable[Sandbox], age_s: float, now: float) -> list[Sandbox]:
    """Those to be removed, oldest first; never one in use."""
    over = [one for one in sandboxes if not one.is_in_use and now - one.changed_at >= age_s]
    return sorted(over, key=lambda one: one.changed_at)
