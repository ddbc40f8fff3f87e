"""How tasks' output is cut into files and lines: the arithmetic of it.

Bytes of a stream are counted from its beginning, whatever of it is still there: the file that is
written to begins at the byte ``cut``, all before that has been rotated away.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.mesos.types import Message

MAX_LINE_BYTES = 16 * 1024
_LATE = 4  # times the limit
QUIET_LOOK_S = 1.0
BUSY_LOOK_S = 0.05
FILES_A_SECOND = 5_000  # looked at; of more, each is looked at less often
_CONTINUATION = 0b1000_0000  # how bytes inside a character begin in UTF-8


class LogSource(Message):
    """Whose output the files of a directory are."""

    container_id: str
    directory: str
    agent_id: str
    framework_id: str
    executor_id: str
    task_id: str
    labels: Mapping[str, str] = {}


class LogRecord(Message):
    """One line of a task, as it is shipped. ``time`` is when the agent read it (RFC 3339, UTC)."""

    time: str
    agent_id: str
    framework_id: str
    executor_id: str
    task_id: str
    container_id: str
    stream: str
    message: str
    labels: Mapping[str, str] = {}


class Cut(Message):
    """The first ``end`` bytes of a file go; those from ``kept_from`` on into a file beside it.

    ``is_late``: the file is so far over its limit that it is emptied, whatever is lost with that.
    """

    kept_from: int
    end: int
    is_late: bool = False


def plan_cut(size: int, limit: int, block: int) -> Cut | None:
    """What to cut off a file that has grown over its limit.

    A file system removes whole blocks only, and never all of a file. Where the writer was so fast
    that more than the limit has to go, only the last of that is kept.
    """
    end = (size - 1) // block * block
    if size <= limit or end <= 0:
        return None
    return Cut(kept_from=max(0, end - limit), end=end, is_late=size > _LATE * limit)


def next_look_s(size: int, limit: int, bytes_per_s: float | None, files: int) -> float:
    """When to look at a file again: in half the time in which it would reach its limit.

    ``bytes_per_s`` is how fast it grows, None where that is not known yet.
    """
    if bytes_per_s is None:
        return BUSY_LOOK_S
    quiet = QUIET_LOOK_S * max(1.0, files / FILES_A_SECOND)
    if bytes_per_s <= 0:
        return quiet
    return min(quiet, max(BUSY_LOOK_S, (limit - size) / bytes_per_s / 2))


def split_lines(data: bytes, *, is_all: bool, most: int = 10**9) -> tuple[list[str], int]:
    """The lines that are complete, ``most`` of them, and how many bytes they took.

    A line longer than ``MAX_LINE_BYTES`` comes in parts; the last one without an end comes when
    ``is_all`` says that nothing will follow.
    """
    lines: list[str] = []
    at = 0
    while at < len(data) and len(lines) < most:
        newline = data.find(b"\n", at, at + MAX_LINE_BYTES + 1)
        if newline >= 0:
            end = following = newline
            following += 1
        elif len(data) - at > MAX_LINE_BYTES:
            end = following = _character_start(data, at + MAX_LINE_BYTES)
        elif is_all:
            end = following = len(data)
        else:
            break
        lines.append(data[at:end].decode("utf-8", "replace").removesuffix("\r"))
        at = following
    return lines, at


def _character_start(data: bytes, at: int) -> int:
    """The last place up to ``at`` where no character of UTF-8 is torn apart."""
    for place in range(at, at - 4, -1):
        if data[place] & 0b1100_0000 != _CONTINUATION:
            return place
    return at
