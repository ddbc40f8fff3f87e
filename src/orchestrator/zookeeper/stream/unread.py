"""Bytes that wait for those that make them whole. Pure."""

from __future__ import annotations


class Unread:
    """Takes pieces and gives them back together, so that each byte is copied once or twice,
    however small the pieces are."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._wanted_bytes = 1

    def add(self, data: bytes) -> bytes:
        """All that is there, or nothing while it is too little to go on."""
        self._parts.append(data)
        self._held_bytes += len(data)
        if self._held_bytes < self._wanted_bytes:
            return b""
        whole = data if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._held_bytes = [], 0
        return whole

    def keep(self, rest: bytes, wanted_bytes: int) -> None:
        """What was not used, and with how many bytes it is worth while to look again."""
        self._parts = [rest] if rest else []
        self._held_bytes = len(rest)
        self._wanted_bytes = wanted_bytes
