"""What the supervisor has to remember when it is killed: a file of JSON lines, appended to.

It is never synced: it has to outlive the process, not the machine, because tasks do not outlive
the machine either. A journal of an earlier boot says only that its tasks are gone. A launch is
written before the process starts and again, with its pid, right after, so of a supervisor killed
in between the successor knows which container to look for among the running processes.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any, NamedTuple

from orchestrator.agent.adapters.supervisor.starters import Starter
from orchestrator.agent.adapters.supervisor.wire import Event, Exited, Spawned

COMPACT_AFTER_LINES = 20_000


class Entry(NamedTuple):
    """One container. ``pid`` is 0 until it is known, ``start`` is in clock ticks since boot."""

    container_id: str
    pid: int = 0
    start: int = 0
    kill_at: float | None = None  # CLOCK_BOOTTIME seconds at which SIGTERM becomes SIGKILL
    exited: Exited | None = None
    starter: Starter | None = None  # whoever starts it, where that is not the supervisor itself
    roster: str | None = None  # the cgroup that lists its processes

    @property
    def is_starting(self) -> bool:
        """Whether its starter still works."""
        return self.starter is not None and self.pid == 0 and self.exited is None

    @property
    def session(self) -> int:
        """Whose session is the container's: its own first process, or its starter meanwhile."""
        return self.starter.pid if self.is_starting and self.starter else self.pid

    def with_process(self, pid: int, start: int) -> Entry:
        """With what was spawned for it: its first process, or whoever starts that."""
        if self.starter is None:
            return self._replace(pid=pid, start=start)
        return self._replace(starter=self.starter._replace(pid=pid, start=start))

    def as_failed(self, problem: str) -> Entry:
        """Its command did not start."""
        return self._replace(exited=Exited(self.container_id, problem=problem, started=False))

    def as_event(self) -> Event:
        """What there is to tell of it, once it is not starting any more."""
        return self.exited or Spawned(self.container_id, self.pid)


class Journal:
    """The file, and the entries it amounts to."""

    def __init__(self, path: str) -> None:
        self.entries: dict[str, Entry] = {}
        self.running: dict[str, Entry] = {}  # those that have not exited
        self._path = path
        self._fd: int | None = None
        self._lines = 0
        self._mend = b""
        self._same_boot = True
        self._replay()
        self._rewrite()

    def put(self, entry: Entry) -> OSError | None:
        """Remember the entry in its new form; gives why it could not be written, if it could not.

        Here it is remembered in any case: a full disk must not make a supervisor lose its tasks.
        """
        self._hold(entry)
        return self._append(_encode(entry))

    def drop(self, container_id: str) -> None:
        """Forget the container."""
        if self._release(container_id):
            self._append({"drop": container_id})

    def _hold(self, entry: Entry) -> None:
        self.entries[entry.container_id] = entry
        if entry.exited is None:
            self.running[entry.container_id] = entry
        else:
            self.running.pop(entry.container_id, None)

    def _release(self, container_id: str) -> bool:
        self.running.pop(container_id, None)
        return self.entries.pop(container_id, None) is not None

    def _append(self, record: dict[str, object]) -> OSError | None:
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        data = self._mend + line
        try:
            if self._fd is None or os.write(self._fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._mend = b""
            self._lines += 1
            if self._lines > COMPACT_AFTER_LINES + 4 * len(self.entries):
                self._rewrite()
        except OSError as error:
            self._mend = b"\n"  # a part of the line may have been written
            return error
        return None

    def _replay(self) -> None:
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123 (pathlib is not worth its memory)
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in filter(None, lines):
            try:
                self._apply(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue  # the last line, cut short by the crash

    def _apply(self, record: dict[str, Any]) -> None:
        if "boot" in record:
            self._same_boot = record["boot"] == boot_id()
        elif "drop" in record:
            self._release(record["drop"])
        else:
            entry = _decode(record)
            self._hold(entry if self._same_boot else _of_earlier_boot(entry))

    def _rewrite(self) -> None:
        records = [{"boot": boot_id()}, *map(_encode, self.entries.values())]
        data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        fd = os.open(self._path + ".new", flags, 0o600)
        try:
            while data:
                data = data[os.write(fd, data) :]
            os.rename(self._path + ".new", self._path)  # noqa: PTH104
        except OSError:
            os.close(fd)
            raise
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._lines = fd, len(records)


def ended_unseen(container_id: str) -> Exited:
    """It is over, and its exit status went to somebody else."""
    return Exited(container_id, problem="it ended while no supervisor was its parent")


def boot_id() -> str:
    """Names the time since the machine started; pids mean nothing beyond it."""
    with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
        return file.read().strip()


def _encode(entry: Entry) -> dict[str, object]:
    fields = entry._asdict()
    for name, value in (("exited", entry.exited), ("starter", entry.starter)):
        fields[name] = value and value._asdict()
    return fields


def _decode(fields: dict[str, Any]) -> Entry:
    exited, starter = fields.get("exited"), fields.get("starter")
    return Entry(**fields)._replace(
        exited=Exited(**exited) if isinstance(exited, dict) else None,
        starter=Starter(**starter) if isinstance(starter, dict) else None,
    )


def _of_earlier_boot(entry: Entry) -> Entry:
    if entry.exited is not None:
        return entry
    gone = Exited(entry.container_id, problem="the machine was restarted", started=entry.pid > 0)
    return entry._replace(exited=gone, kill_at=None)
