"""The sync in numbers and sentences, for whoever asks."""

from __future__ import annotations

from orchestrator.migration.core.filling import Filling
from orchestrator.migration.core.merge import Verdict, merge
from orchestrator.migration.core.progress import SideStatus, Status
from orchestrator.migration.core.proxies import is_ephemeral
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import SyncState


def status(state: SyncState, filling: Filling, backlog: list[str], now: float) -> Status:
    """All numbers."""
    a, b = (_side(state, side) for side in SIDES)
    queue = len(state.units) + len(state.flights.of) + len(backlog)
    return Status(
        state=_state(state, backlog),
        reason=state.halted,
        a=a,
        b=b,
        queue=queue,
        lag_s=_lag_s(state, now),
        conflicts=state.conflicts.found,
        held=len(state.conflicts.held),
        stuck=len(state.stuck),
        is_equal=not state.tree.sums.differs("/"),
        authority=state.authority.name,
        splits=state.totals.splits,
        overtaken=state.totals.overtaken,
        memory_bytes=state.payloads.size_bytes,
        fill=filling.progress(len(backlog)),
    )


def preview(state: SyncState, limit: int) -> list[str]:
    """What would be written as things are, a sentence each."""
    found: list[str] = []
    for path in sorted(state.tree.unsettled()):
        node = state.tree.look(path)
        if not is_ephemeral(node):
            result = merge(node.base, node.content(Side.A), node.content(Side.B))
            if result.verdict is not Verdict.SAME:
                found.append(_sentence(path, result.verdict, result.want is None))
        if len(found) >= limit:
            break
    return found


def _sentence(path: str, verdict: Verdict, is_delete: bool) -> str:
    if verdict is Verdict.CONFLICT:
        return f"{path} differs on both sides and is a conflict"
    if verdict is Verdict.BOTH:
        return f"{path} changes on both sides, each taking the other's part"
    what = "is deleted" if is_delete else "is written"
    return f"{path} {what} on {'A' if verdict is Verdict.TO_A else 'B'}"


def _state(state: SyncState, backlog: list[str]) -> str:
    if state.halted:
        return "halted"
    if state.is_paused:
        return "paused"
    if not all(side.is_live for side in state.sides):
        return "waiting"
    return "filling" if backlog else "live"


def _side(state: SyncState, side: Side) -> SideStatus:
    known, totals = state.sides[side], state.totals
    return SideStatus(
        zxid=known.reached,
        state=_side_state(state, side),
        reason=known.reason if known.is_interrupted else "",
        nodes=state.tree.counts[side],
        hash=f"{state.tree.sums.totals[side]:032x}",
        snapshot_seen=known.snapshot_seen,
        snapshot_total=known.snapshot_total,
        in_flight=state.flights.counts[side],
        written=totals.written[side],
        batches=totals.batches[side],
        refused=totals.refused[side],
        lost=totals.lost[side],
    )


def _side_state(state: SyncState, side: Side) -> str:
    known = state.sides[side]
    if known.is_interrupted:
        return "interrupted"
    if known.loading is not None:
        return "loading"
    if known.is_steady:
        return "live"
    return "waiting" if known.reached is None else "catching up"


def _lag_s(state: SyncState, now: float) -> float:
    """How long the oldest change has been waiting, or under way."""
    since = [f.since for f in state.flights.by_number.values() if f.since]
    oldest = state.units.oldest()
    times = since if oldest is None else [*since, oldest]
    return max(0.0, now - min(times)) if times else 0.0
