"""UTF-8 that was read as Windows-1252 and written as UTF-8 again, turned back run by run.

A run is a stretch of characters that are bytes of 128 and up in Windows-1252, and that together are
valid UTF-8. Anything else, also a lone "é", is left as it is. Bytes that Windows-1252 does not
define stand for the control characters of the same number, as browsers have it.
"""

from __future__ import annotations

import re

_BYTE_OF = {
    bytes([number]).decode("cp1252"): number
    for number in range(0x80, 0x100)
    if number not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
} | {chr(number): number for number in range(0x80, 0x100) if number < 0xA0}
_CHARACTER_OF = {number: char for char, number in _BYTE_OF.items() if ord(char) >= 0xA0} | {
    number: chr(number) for number in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_SUSPECT = re.compile(f"[\u00c2-\u00f4][{re.escape(''.join(_BYTE_OF))}]+")
_WHOLE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def repair(text: str) -> str:
    """The text without double encoding."""
    return _SUSPECT.sub(_repaired, text) if not text.isascii() else text


def damage(text: str) -> str:
    """The opposite: how a document that is double-encoded has a text."""
    return "".join(
        char if char.isascii() else "".join(_CHARACTER_OF[byte] for byte in char.encode())
        for char in text
    )


def is_damaged(text: str) -> bool:
    """Whether there is something to repair."""
    return repair(text) != text


def _repaired(run: re.Match[str]) -> str:
    data = bytes([_BYTE_OF[char] for char in run[0]])
    parts, at = [], 0
    while at < len(data):
        whole = _WHOLE.match(data, at)
        char = _decoded(whole[0]) if whole else None
        parts.append(char if char is not None else run[0][at])
        at = whole.end() if whole and char is not None else at + 1
    return "".join(parts)


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:  # a surrogate, or longer than it need be
        return None
