"""Data that has not been copied yet, within a bound; what does not fit is read when needed."""

from __future__ import annotations

from orchestrator.migration.core.content import NO_DATA, digest
from orchestrator.migration.core.sides import Side

_EMPTY = digest(b"")
_OVERHEAD_BYTES = 250
_Kept = tuple[bytes, bytes]


class Payloads:
    """Data by side and path, with its digest, for it may be that of another moment than is asked
    for. A node without data, or with none to speak of, needs no entry."""

    def __init__(self, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._kept: tuple[dict[str, _Kept], dict[str, _Kept]] = ({}, {})

    def put(
        self, side: Side, path: str, data: bytes | None, mark: bytes, *, is_needed: bool = False
    ) -> None:
        """Keep data, whose digest is ``mark``, in place of what was there; beyond the bound only
        what is needed now."""
        self.drop(side, path)
        if data and (is_needed or self.size_bytes < self._limit_bytes):
            self._kept[side][path] = (mark, data)
            self.size_bytes += len(data) + _OVERHEAD_BYTES

    def drop(self, side: Side, path: str) -> None:
        """Forget data."""
        kept = self._kept[side].pop(path, None)
        if kept is not None:
            self.size_bytes -= len(kept[1]) + _OVERHEAD_BYTES

    def drop_both(self, path: str) -> None:
        """Forget a path's data of both sides."""
        self.drop(Side.A, path)
        self.drop(Side.B, path)

    def has(self, side: Side, path: str, wanted: bytes) -> bool:
        """Whether data with this digest can be had without reading."""
        if wanted in (NO_DATA, _EMPTY):
            return True
        kept = self._kept[side].get(path)
        return kept is not None and kept[0] == wanted

    def peek(self, side: Side, path: str) -> bytes | None:
        """The data that happens to be here, for showing it."""
        kept = self._kept[side].get(path)
        return None if kept is None else kept[1]

    def get(self, side: Side, path: str, wanted: bytes) -> bytes | None:
        """The data with this digest; ask ``has`` first."""
        if wanted == NO_DATA:
            return None
        return b"" if wanted == _EMPTY else self._kept[side][path][1]
