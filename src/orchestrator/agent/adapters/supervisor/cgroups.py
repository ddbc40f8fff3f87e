"""Putting processes into cgroups before their program runs, and ending all that is in one.

The supervisor enters the cgroups itself, starts the process, which begins where its parent is, and
goes home. With v1's ``tasks`` files that moves the one thread it has, and a thread that moves
itself is spared the lock that moving another process takes: four hierarchies there and back cost
less than running anything between fork and exec. The memory that the kernel takes for the new
process is then the container's, as it should be. Nothing else runs in the cgroup yet, so memory
cannot run out in it while the supervisor is there.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

_UNIFIED = ""


class _Place(NamedTuple):
    """The supervisor's own cgroup in one hierarchy, by the file that takes it there."""

    mount: str
    file: str


class Home:
    """Where the supervisor itself belongs in each hierarchy."""

    def __init__(self) -> None:
        self._places: list[_Place] | None = None
        self._fds: dict[str, int] = {}  # by mount point

    @contextmanager
    def away(self, files: list[str]) -> Iterator[None]:
        """Be in other cgroups for a while. Raises OSError when one cannot be entered."""
        homes = [self._home_of(file) for file in files]
        entered: list[_Place] = []
        try:
            for file, home in zip(files, homes, strict=True):
                write(file, b"0")
                entered.append(home)
            yield
        finally:
            failures = list(filter(None, map(self._return, entered)))
            if failures:
                raise failures[0]

    def _home_of(self, file: str) -> _Place:
        if self._places is None:
            self._places = list(_homes())
        found = [place for place in self._places if file.startswith(place.mount + "/")]
        if not found:
            raise FileNotFoundError(2, "No cgroup hierarchy is mounted there", file)
        home = max(found, key=lambda place: len(place.mount))
        if home.mount not in self._fds:  # kept open, as it is written to for every launch
            self._fds[home.mount] = os.open(home.file, os.O_WRONLY | os.O_CLOEXEC)
        return home

    def _return(self, home: _Place) -> OSError | None:
        """Where home is gone, to the top: in no case may the supervisor stay in a container's."""
        try:
            os.pwrite(self._fds[home.mount], b"0", 0)
        except OSError:
            try:
                write(f"{home.mount}/{os.path.basename(home.file)}", b"0")  # noqa: PTH119
            except OSError as error:
                return error
        return None


def _homes() -> Iterator[_Place]:
    own = dict(_own_cgroups())
    with open("/proc/self/mountinfo") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    for line in lines:
        before, _, after = line.partition(" - ")
        mount, kind = before.split(" ")[4], after.split(" ")
        if kind[0] == "cgroup2" and _UNIFIED in own:
            yield _Place(mount, f"{mount}{own[_UNIFIED]}/cgroup.procs")
        elif kind[0] == "cgroup":
            controllers = next((c for c in kind[2].split(",") if c in own), None)
            if controllers is not None:
                yield _Place(mount, f"{mount}{own[controllers]}/tasks")


def _own_cgroups() -> Iterator[tuple[str, str]]:
    with open("/proc/self/cgroup") as file:  # noqa: PTH123
        for line in file.read().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                yield controller, path.rstrip("/")


def members(roster: str) -> list[int]:
    """The pids in the cgroup; none when there is no such cgroup (any more)."""
    try:
        fd = os.open(roster + "/cgroup.procs", os.O_RDONLY)
    except OSError:
        return []
    try:
        data = b""
        while chunk := os.read(fd, 65536):
            data += chunk
    except OSError:
        return []
    finally:
        os.close(fd)
    return [int(pid) for pid in data.split() if int(pid) > 1]


def kill_all(roster: str) -> None:
    """SIGKILL to everything in the cgroup, with nothing new appearing in it meanwhile.

    v2 does both at once since Linux 5.14. With the pids controller nobody may fork any more; else
    v1's freezer holds them all until each has its signal.
    """
    if _try_to_write(roster + "/cgroup.kill", b"1"):
        return
    _try_to_write(roster + "/pids.max", b"0")
    is_frozen = _try_to_write(roster + "/freezer.state", b"FROZEN")
    for pid in members(roster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if is_frozen:
        _try_to_write(roster + "/freezer.state", b"THAWED")


def write(path: str, data: bytes) -> None:
    """Write to a cgroup's file. Raises OSError that names it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, data)
    except OSError as error:
        error.filename = path  # a failed write does not say where
        raise
    finally:
        os.close(fd)


def _try_to_write(path: str, data: bytes) -> bool:
    try:
        write(path, data)
    except OSError:  # this kernel or this hierarchy has no such file
        return False
    return True
