"""What the API shows of a sync."""

from __future__ import annotations

import base64

import msgspec

from orchestrator.migration.adapters.lags import Percentiles
from orchestrator.migration.adapters.spec import SyncSpec, shown
from orchestrator.migration.adapters.sync import SyncStatus
from orchestrator.migration.adapters.syncs import Hosted
from orchestrator.migration.core.effects import Conflict, Reply, Version
from orchestrator.migration.core.progress import Progress, SideStatus

NOTHING = Percentiles(0.0, 0.0, 0.0)


class LagView(msgspec.Struct, frozen=True):
    """Percentiles in seconds."""

    p50_s: float
    p95_s: float
    p99_s: float


class SyncView(msgspec.Struct, frozen=True):
    """A sync; ``state`` is ``opening`` while its ensembles cannot be reached, with the reason.
    ``differing`` paths were found when all was last read afresh, at ``verified_at``."""

    name: str
    state: str
    reason: str
    spec: SyncSpec
    is_equal: bool = False
    queue: int = 0
    lag_s: float = 0.0
    lag: LagView = LagView(0.0, 0.0, 0.0)
    per_s: float = 0.0
    conflicts: int = 0
    held: int = 0
    stuck: int = 0
    authority: str = ""
    fill: Progress = Progress(0, 0)
    eta_s: float | None = None
    a: SideStatus | None = None
    b: SideStatus | None = None
    versions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    verified_at: float | None = None
    differing: int = 0


class VersionView(msgspec.Struct, frozen=True):
    """One side of a conflict; ``data`` as text if it is UTF-8, else ``data_base64``."""

    present: bool
    size_b: int
    digest: str
    time_ms: int
    data: str | None = None
    data_base64: str | None = None


class ConflictView(msgspec.Struct, frozen=True):
    """Two changes that did not go together."""

    number: int
    path: str
    kind: str
    decision: str
    reason: str
    found_at: float
    decided_at: float
    a: VersionView
    b: VersionView


class ReplyView(msgspec.Struct, frozen=True):
    """What a command came to."""

    result: str
    paths: tuple[str, ...] = ()


def sync_view(hosted: Hosted) -> SyncView:
    """A sync as it stands."""
    spec = shown(hosted.spec)
    if hosted.current is None:
        return SyncView(spec.name, "opening", hosted.reason, spec)
    return _running(spec, hosted.current.status())


def _running(spec: SyncSpec, seen: SyncStatus) -> SyncView:
    status = seen.status
    reasons = [f"{name}: {why}" for name, why in zip("AB", seen.unwritable, strict=True) if why]
    return SyncView(
        spec.name,
        status.state,
        status.reason or "; ".join(reasons),
        spec,
        status.is_equal,
        status.queue,
        round(status.lag_s, 4),
        LagView(*[round(each, 4) for each in seen.lag]),
        seen.per_s,
        status.conflicts,
        status.held,
        status.stuck,
        status.authority,
        status.fill,
        seen.eta_s,
        status.a,
        status.b,
        seen.versions,
        seen.sources,
        seen.verified.at if seen.verified is not None else None,
        seen.verified.differing if seen.verified is not None else 0,
    )


def conflict_view(conflict: Conflict) -> ConflictView:
    """A conflict as it is in the log."""
    return ConflictView(
        conflict.number,
        conflict.path,
        conflict.kind,
        conflict.decision,
        conflict.reason,
        conflict.found_at,
        conflict.decided_at,
        _version(conflict.a),
        _version(conflict.b),
    )


def reply_view(reply: Reply) -> ReplyView:
    """A command's answer."""
    return ReplyView(reply.result, reply.paths)


def _version(version: Version) -> VersionView:
    text, encoded = None, None
    if version.data is not None:
        try:
            text = version.data.decode()
        except UnicodeDecodeError:
            encoded = base64.b64encode(version.data).decode()
    fields = (version.present, version.size_b, version.digest, version.time_ms)
    return VersionView(*fields, text, encoded)
