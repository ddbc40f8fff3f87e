"""Reads one HTTP answer to its end, and keeps of it what a check wants to know.

The answer has to come completely: a task that stops in the middle of it is not well. Only the first
``MAX_BODY_BYTES`` of its body are waited for.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?!\d)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(rb"^(content-length|transfer-encoding|location):[ \t]*(.*?)\s*$", re.I | re.M)
_LAST_CHUNK = b"0\r\n\r\n"
_BODILESS = frozenset({204, 304})
Read = Callable[[], Awaitable[bytes]]


class AnswerError(Exception):
    """What came is no complete answer; says how."""


class Answer(NamedTuple):
    """``location`` is where else to ask, if it says so."""

    status: int
    location: str | None


async def read_answer(read: Read) -> Answer:
    """Read one answer; ``read`` gives what has come, and nothing at the end. Raises AnswerError."""
    status, head, data = await _read_head(read, b"")
    while status < 200:  # it only announces the answer
        status, head, data = await _read_head(read, data)
    headers = {m[1].lower(): m[2] for m in _HEADER.finditer(head)}
    if status not in _BODILESS:
        await _read_body(read, data, headers)
    location = headers.get(b"location")
    return Answer(status, location.decode("latin-1") if location else None)


async def _read_head(read: Read, data: bytes) -> tuple[int, bytes, bytes]:
    """The status, the head it is in, and what came after that."""
    while (end := _END_OF_HEAD.search(data)) is None:
        chunk = await read()
        if not chunk:
            raise AnswerError("the connection ended without an answer")
        data += chunk
        if len(data) > MAX_HEAD_BYTES:
            raise AnswerError(f"no answer within {MAX_HEAD_BYTES} bytes")
    if (status := _STATUS.match(data)) is None:
        raise AnswerError("what answers does not speak HTTP")
    return int(status[1]), data[: end.start()], data[end.end() :]


async def _read_body(read: Read, data: bytes, headers: Mapping[bytes, bytes]) -> None:
    length = _length(headers)
    is_chunked = b"transfer-encoding" in headers
    count, tail = len(data), data[-len(_LAST_CHUNK) :]
    while count < (MAX_BODY_BYTES if length is None else min(length, MAX_BODY_BYTES)):
        if is_chunked and tail == _LAST_CHUNK:
            return
        chunk = await read()
        if not chunk and length is None:
            return
        if not chunk:
            raise AnswerError(f"the answer ended after {count} of {length} bytes")
        count += len(chunk)
        tail = (tail + chunk)[-len(_LAST_CHUNK) :]


def _length(headers: Mapping[bytes, bytes]) -> int | None:
    """How long the body is; None: as long as it comes."""
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() and b"transfer-encoding" not in headers else None
