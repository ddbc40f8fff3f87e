"""Data that has not been copied yet, within a bound; what does not fit is read when needed."""

from __future__ import annotations

from orchestrator.migration.core.content import NO_DATA, digest
from orchestrator.migration.core.sides import Side

_EMPTY = digest(b"")
_OVERHEAD_BYTES = 150


class Payloads:
    """Data by side and path. A node without data, or with none to speak of, needs no entry."""

    def __init__(self, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._kept: tuple[dict[str, bytes], dict[str, bytes]] = ({}, {})

    def put(self, side: Side, path: str, data: bytes | None, *, is_needed: bool = False) -> None:
        """Keep data in place of what was there; beyond the bound only what is needed now."""
        self.drop(side, path)
        if data and (is_needed or self.size_bytes < self._limit_bytes):
            self._kept[side][path] = data
            self.size_bytes += len(data) + _OVERHEAD_BYTES

    def drop(self, side: Side, path: str) -> None:
        """Forget data."""
        data = self._kept[side].pop(path, None)
        if data is not None:
            self.size_bytes -= len(data) + _OVERHEAD_BYTES

    def drop_both(self, path: str) -> None:
        """Forget a path's data of both sides."""
        self.drop(Side.A, path)
        self.drop(Side.B, path)

    def has(self, side: Side, path: str, wanted: bytes) -> bool:
        """Whether data with this digest can be had without reading."""
        return wanted in (NO_DATA, _EMPTY) or path in self._kept[side]

    def peek(self, side: Side, path: str) -> bytes | None:
        """The data that happens to be here, for showing it."""
        return self._kept[side].get(path)

    def get(self, side: Side, path: str, wanted: bytes) -> bytes | None:
        """The data with this digest; ask ``has`` first."""
        if wanted == NO_DATA:
            return None
        return b"" if wanted == _EMPTY else self._kept[side][path]
