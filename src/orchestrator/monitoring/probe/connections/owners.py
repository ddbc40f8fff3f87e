"""Which process holds a socket: found among the open files of processes, a few at a time.

Sockets are looked for when they are new only: among the processes that held sockets before, the
latest first, and among all others, first in those never looked at, then in turn. What this costs is
limited for each report. Namespaces, and within each those who held sockets and the others, have
equal shares of it: one socket that nobody holds, beside a server with thousands of files, would
else use up all of it each time.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import NamedTuple

from orchestrator.monitoring.probe.processes.table import ProcessTable

LINKS_A_REPORT = 3000
_FIRST_TIME = 20  # times as many: of thousands of processes each is looked at once
_OF_A_PROCESS = 10  # a directory costs as much as so many links,
_NAMES_A_LINK = 4  # and so many names in it as much as one


class Holder(NamedTuple):
    """Who has a socket open, and by which descriptor."""

    pid: int
    descriptor: int


class Found(NamedTuple):
    """What a search has come to."""

    holders: dict[int, Holder]
    """By inode."""
    nobodys: set[int]
    """Inodes that no process has which is there now: each was looked at."""


class Owners:
    """Finds owners, and remembers who is likely to be one."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._likely: OrderedDict[int, None] = OrderedDict()  # the likeliest last
        self._looked: set[int] = set()
        self._turn = 0
        self._is_first = True
        self.is_refused = False
        """Whether some processes do not show their files."""

    def find(self, wanted: Mapping[int, Set[int]], held: Mapping[int, Set[int]]) -> Found:
        """Who holds the inodes wanted, by namespace, and others that are come across.

        ``held`` are descriptors by pid that are known to be other sockets.
        """
        links = LINKS_A_REPORT * (_FIRST_TIME if self._is_first else 1)
        self._is_first = False
        alive = {process.pid for process in self._table}
        self._looked &= alive
        for pid in self._likely.keys() - alive:
            del self._likely[pid]
        inhabitants = self._inhabitants()
        files = _Files(self._table.proc, held)
        shares, nobodys = 2 * len(wanted), set[int]()
        for namespace, inodes in wanted.items():
            within = inhabitants.get(namespace, set()) | inhabitants.get(0, set())
            missing, is_whole = set(inodes), True
            for pids in (self._holders(within), self._others(within)):
                share = links // shares
                used = self._search(pids, files, missing, share)
                is_whole &= used < share
                links -= min(used, share)
                shares -= 1
            if is_whole:
                nobodys |= missing
        self.is_refused |= files.are_refused
        return Found(files.found, nobodys)

    def _search(self, pids: Iterable[int], files: _Files, missing: set[int], share: int) -> int:
        """Search some processes; gives what that costs, as much as the share if it ends them."""
        used = 0
        for pid in pids:
            if not missing or used >= share:
                break
            wanted = len(missing)
            used += files.read(pid, missing)
            self._looked.add(pid)
            has_one = len(missing) < wanted
            if has_one or pid in self._likely:
                self._likely[pid] = None
                self._likely.move_to_end(pid, last=has_one)
        return used

    def _inhabitants(self) -> dict[int, set[int]]:
        """Pids by namespace; under 0 those whose namespace may not be seen."""
        found: dict[int, set[int]] = {}
        for process in self._table:
            if process.command:  # kernel threads, which have none, hold no sockets
                found.setdefault(process.namespace, set()).add(process.pid)
        return found

    def _holders(self, within: set[int]) -> list[int]:
        return [pid for pid in reversed(self._likely) if pid in within]

    def _others(self, within: set[int]) -> Iterator[int]:
        new = within - self._looked
        yield from sorted(new, reverse=True)
        others = sorted(within - new - self._likely.keys())
        if others:
            self._turn = (self._turn + 1) % len(others)
            for pid in others[self._turn :] + others[: self._turn]:
                self._turn += 1
                yield pid


class _Files:
    """Open files of processes, as far as it is not known what they are."""

    def __init__(self, proc: str, held: Mapping[int, Set[int]]) -> None:
        self.found: dict[int, Holder] = {}
        """All sockets that were read, by inode."""
        self.are_refused = False
        self._proc = proc
        self._held = held

    def read(self, pid: int, missing: set[int]) -> int:
        """Strike those of a process that are found until none is missing; gives what it costs."""
        directory, held = f"{self._proc}/{pid}/fd", self._held.get(pid, frozenset())
        cost = _OF_A_PROCESS
        try:
            descriptors = [int(name) for name in os.listdir(directory)]  # noqa: PTH208
            cost += len(descriptors) // _NAMES_A_LINK
            for descriptor in reversed(descriptors):  # new ones have high numbers
                if not missing:
                    break
                if descriptor not in held:
                    cost += 1
                    inode = _socket(f"{directory}/{descriptor}")
                    self.found.setdefault(inode, Holder(pid, descriptor))
                    missing.discard(inode)
        except PermissionError:
            self.are_refused = True
        except OSError:
            pass  # it has ended
        return cost


def _socket(link: str) -> int:
    """The inode of the socket that a descriptor is of; 0 if it is of something else."""
    try:
        target = os.readlink(link)  # noqa: PTH115
    except FileNotFoundError:
        return 0  # closed meanwhile
    return int(target[8:-1]) if target.startswith("socket:[") else 0
