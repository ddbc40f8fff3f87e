"""How far a sync is, in numbers; read by the shell for status, metrics and the terminal."""

from __future__ import annotations

import msgspec


class Totals:
    """What has been counted since the start."""

    def __init__(self) -> None:
        self.heard = [0, 0]  # transactions of others, by side
        self.written = [0, 0]  # paths, by side written to
        self.batches = [0, 0]
        self.refused = [0, 0]
        self.lost = [0, 0]
        self.splits = 0
        self.overtaken = 0
        self.alerts = 0
        self.proxies = 0
        self.filling = 0  # paths that the last comparison found to be brought in line
        self.filled = 0


class SideStatus(msgspec.Struct, frozen=True):
    """An ensemble as the sync sees it; ``nodes`` of the view, ``hash`` of all of them."""

    zxid: int | None
    state: str  # waiting, loading, catching up, live, interrupted
    reason: str
    nodes: int
    hash: str
    snapshot_seen: int
    snapshot_total: int | None
    in_flight: int
    written: int
    batches: int
    refused: int
    lost: int


class Status(msgspec.Struct, frozen=True):
    """The whole sync; ``lag_s`` is how long the oldest change has been waiting."""

    state: str  # waiting, filling, live, paused, halted
    reason: str
    a: SideStatus
    b: SideStatus
    queue: int
    lag_s: float
    conflicts: int
    held: int
    stuck: int
    is_equal: bool
    authority: str
    splits: int
    overtaken: int
    memory_bytes: int
    fill: Progress


class Progress(msgspec.Struct, frozen=True):
    """The initial fill, or one after a snapshot: of ``total`` paths, ``done`` are in line."""

    total: int
    done: int


def eta_s(progress: Progress, per_s: float) -> float | None:
    """Seconds until a fill is done at this rate; None if nothing moves."""
    left = progress.total - progress.done
    if left <= 0:
        return 0.0
    return left / per_s if per_s > 0 else None
