"""Copies what a container writes into ``stdout`` and ``stderr`` of its sandbox.

The Engine keeps the output of late, each message with its time, and tells it again when asked. How
far a copy got is recorded in ``docker/output/CONTAINER`` of the work directory after each write:
the time of the last message of each stream, how many messages have just this time, and how long the
file then was. So a copy goes on where the last one stopped, in whatever process that was: what the
file has beyond its recorded length was written after the record, and is skipped. Both files are
opened anew when somebody has rotated them away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import aiohttp
import msgspec

from orchestrator.agent.adapters.docker.engine import Engine, EngineError

RETRY_S = 1.0
RECENT = 1024  # messages that the Engine may tell twice in a row
_HEADER_BYTES = 8
_PIECE_BYTES = 16 * 1024  # of a longer line the Engine makes several messages
_NAMES = {0: "stdout", 1: "stdout", 2: "stderr"}
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LOGS = (404, 501)  # no such container; a log driver that cannot be read
Told = tuple[str, bytes, bytes]  # stream, time, content
logger = logging.getLogger(__name__)


class OutputError(Exception):
    """An output file cannot be written, in one sentence why."""


class Position(msgspec.Struct):
    """How far one stream is copied. ``inode`` and ``size`` are its file's after the last write."""

    time: str = ""
    count: int = 0
    inode: int = 0
    size: int = 0


class Copy:
    """One output file, and what of its stream is still to be skipped."""

    def __init__(self, path: Path, position: Position) -> None:
        self._path = path
        self.position = position
        self._fd = os.open(path, _FLAGS, 0o644)
        self._beyond = max(self._size_of_recorded() - position.size, 0)
        self._is_resuming, self._seen = True, 0
        self._last = ("", b"")
        self._recent: dict[str, None] = {}  # the last times, oldest first
        self.went_back = False  # whether messages came that are older than one before them
        self._note()

    def fresh(self, when: bytes, content: bytes) -> bytes:
        """What of the next message is not in the file yet."""
        position, text = self.position, when.decode(errors="replace")
        if not self._is_resuming and text < position.time:
            self.went_back = True  # a clock was set back, or the Engine's own files rotate
            self._is_resuming, self._seen = text in self._recent, 0
        if (text, content) == self._last and content.endswith(b"\n"):
            return b""  # of a line in pieces only the last ends so: this is the same one again
        if self._is_resuming and self._was_taken(text):
            return b""
        self._last = (text, content)
        position.count = position.count + 1 if text == position.time else 1
        position.time = text
        self._remember(text)
        skipped = min(self._beyond, len(content))
        self._beyond -= skipped
        return content[skipped:]

    def _remember(self, when: str) -> None:
        self._recent[when] = None
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def _was_taken(self, when: str) -> bool:
        """Only of messages that are told again: a clock that is set back loses no output."""
        if when == self.position.time and self._seen < self.position.count:
            self._seen += 1
            return True
        self._is_resuming = when < self.position.time
        return self._is_resuming

    def write(self, data: bytes) -> None:
        """Append it, and note how far the file now is. Raises OSError."""
        while data:
            data = data[os.write(self._fd, data) :]
        self._note()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def reopen_if_rotated(self) -> bool:
        """Go on in the file that has the name now. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.lstat().st_ino == os.fstat(self._fd).st_ino:
                return False
        os.close(self._fd)
        self._fd = os.open(self._path, _FLAGS, 0o644)
        self._note()
        return True

    def _note(self) -> None:
        """The size may be negative, when what is beyond it is in a file rotated away."""
        found = os.fstat(self._fd)
        self.position.inode, self.position.size = found.st_ino, found.st_size - self._beyond

    def _size_of_recorded(self) -> int:
        """Of the file that the record speaks of, which may have another name by now."""
        for path in (self._path, *self._path.parent.glob(f"{self._path.name}.*")):
            found = path.lstat()
            if self.position.inode in (0, found.st_ino) and stat.S_ISREG(found.st_mode):
                return found.st_size
        return 0


class Output:
    """Both files of a container and the record of how far they are. Raises OutputError."""

    def __init__(self, sandbox: Path, record: Path) -> None:
        positions = _load(record)
        self._copies: dict[str, Copy] = {}
        self._record = -1
        try:
            for name in ("stdout", "stderr"):
                self._copies[name] = Copy(sandbox / name, positions[name])
            self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._save()
        except OSError as error:
            self.close()
            raise OutputError(f"{error.filename or record}: {error.strerror}") from None

    @property
    def since(self) -> str:
        """From when on the Engine has to tell, as its API wants it."""
        return _epoch(min(copy.position.time for copy in self._copies.values()))

    @property
    def went_back(self) -> bool:
        """Whether a stream's messages came out of order."""
        return any(copy.went_back for copy in self._copies.values())

    def take(self, messages: Iterable[Told]) -> None:
        """The next messages, of either stream.

        A new file is recorded before anything is written to it, so that one that is not recorded
        holds nothing.
        """
        try:
            for copy in self._copies.values():
                if copy.reopen_if_rotated():
                    self._save()
            fresh: dict[str, list[bytes]] = {name: [] for name in self._copies}
            for name, when, content in messages:
                fresh[name].append(self._copies[name].fresh(when, content))
            for name, pieces in fresh.items():
                if pieces:
                    self._copies[name].write(b"".join(pieces))
            self._save()
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from None

    def close(self) -> None:
        """Close all files."""
        for copy in self._copies.values():
            copy.close()
        if self._record >= 0:
            os.close(self._record)

    def _save(self) -> None:
        """In one write, and never shorter than before: a reader sees the old or the new one."""
        positions = {name: copy.position for name, copy in self._copies.items()}
        os.pwrite(self._record, msgspec.json.encode(positions).ljust(512), 0)


def begin(sandbox: Path, record: Path) -> None:
    """Before a container's first start: what its files hold by now is not its output.

    Raises OutputError.
    """
    if record.exists():
        return
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        positions = {name: _position_at_end(sandbox / name) for name in ("stdout", "stderr")}
        record.write_bytes(msgspec.json.encode(positions).ljust(512))
    except OSError as error:
        raise OutputError(f"{record} cannot be written: {error.strerror}") from None


async def follow(engine: Engine, name: str, sandbox: Path, record: Path) -> None:
    """Copy until the container has ended and all it wrote is in the sandbox, or it is gone."""
    is_told = is_over = False
    while True:
        try:
            found = await engine.inspect(name)
            is_sure = await _copy(engine, name, sandbox, record, tty=found.config.tty)
            if (is_sure or is_over) and not (await engine.inspect(name)).state.running:
                return
            is_over = not found.state.running  # once more, then
        except OutputError as error:
            if not is_told:
                logger.warning("the output of %s waits in the Engine: %s", name, error)
            is_told = True
        except EngineError as error:
            if error.status in _NO_LOGS:
                return
        await asyncio.sleep(RETRY_S)


async def _copy(engine: Engine, name: str, sandbox: Path, record: Path, *, tty: bool) -> bool:
    """Whether that was all: an Engine that went back may have left something out at the end."""
    output = Output(sandbox, record)
    try:
        async with engine.logs(name, output.since) as stream:
            await _pour(stream, output, tty=tty)
        return not output.went_back
    finally:
        output.close()


async def _pour(stream: aiohttp.StreamReader, output: Output, *, tty: bool) -> None:
    split = split_lines if tty else split_frames
    rest = b""
    while chunk := await stream.readany():
        messages, rest = split(rest + chunk)
        output.take(messages)
        await asyncio.sleep(0)  # a container that never stops writing leaves the others their turn


def split_frames(data: bytes) -> tuple[list[Told], bytes]:
    """The whole messages of a multiplexed stream, and the rest. Raises EngineError."""
    messages: list[Told] = []
    at = 0
    while (begin_ := at + _HEADER_BYTES) <= len(data):
        end = begin_ + int.from_bytes(data[at + 4 : begin_], "big")
        if end > len(data):
            break
        if (name := _NAMES.get(data[at])) is None:
            raise EngineError(500, data[begin_:end].decode(errors="replace"))
        space = data.find(b" ", begin_, end) + 1
        messages.append((name, data[begin_ : space - 1], data[space:end]))
        at = end
    return messages, data[at:]


def split_lines(data: bytes) -> tuple[list[Told], bytes]:
    """The same of a terminal's stream, where a message ends with its line, or is a full piece."""
    messages: list[Told] = []
    at = 0
    while (space := data.find(b" ", at) + 1) > 0:
        end = data.find(b"\n", space, space + _PIECE_BYTES) + 1
        if end == 0:
            if len(data) < space + _PIECE_BYTES:
                break
            end = space + _PIECE_BYTES
        messages.append(("stdout", data[at : space - 1], data[space:end]))
        at = end
    return messages, data[at:]


def _load(record: Path) -> dict[str, Position]:
    """Without a record everything in the files is output: so it was before there were records."""
    fallback = {"stdout": Position(), "stderr": Position()}
    try:
        return fallback | msgspec.json.decode(record.read_bytes(), type=dict[str, Position])
    except FileNotFoundError:
        record.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("%s cannot be used, output may be told twice: %s", record, error)
    return fallback


def _position_at_end(path: Path) -> Position:
    found = path.stat()
    return Position(inode=found.st_ino, size=found.st_size)


def _epoch(when: str) -> str:
    if not when:
        return "0"
    seconds, _, rest = when.partition(".")
    moment = datetime.fromisoformat(seconds + rest[9:].replace("Z", "+00:00"))
    return f"{int(moment.timestamp())}.{rest[:9]}"
