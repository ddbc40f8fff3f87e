"""Which process holds a socket: found among the open files of processes, a few at a time.

Sockets are looked for when they are new only: among the processes that held sockets before, the
latest first, and among all others, first in those never looked at, then in turn. What the links of
/proc/PID/fd cost is limited for each report. Namespaces, and within each those who held sockets
and the others, have equal shares of it: one socket that nobody holds, beside a server with
thousands of files, would else use up all of it each time.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from orchestrator.monitoring.probe.processes.table import ProcessTable

LINKS_A_REPORT = 3000
_FIRST_TIME = 10  # times as many
_OF_A_PROCESS = 10  # as much as this many links costs the directory


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

    def find(self, wanted: dict[int, set[int]]) -> dict[int, int]:
        """Pids by inode, of those wanted by namespace and of all others that are come across."""
        found: dict[int, int] = {}
        links = LINKS_A_REPORT * (_FIRST_TIME if self._is_first else 1)
        self._is_first = False
        alive = {process.pid for process in self._table}
        self._looked &= alive
        for pid in self._likely.keys() - alive:
            del self._likely[pid]
        inhabitants = self._inhabitants()
        shares = 2 * len(wanted)
        for namespace, inodes in wanted.items():
            within = inhabitants.get(namespace, set()) | inhabitants.get(0, set())
            missing = set(inodes)
            for pids in (self._holders(within), self._others(within)):
                links -= self._search(pids, missing, links // shares, found)
                shares -= 1
        return found

    def _search(
        self, pids: Iterable[int], missing: set[int], share: int, found: dict[int, int]
    ) -> int:
        """Search some processes; gives how much of the share is used."""
        used = 0
        for pid in pids:
            if not missing or used >= share:
                break
            used += self._look(pid, missing, found)
        return min(used, share)

    def _look(self, pid: int, missing: set[int], found: dict[int, int]) -> int:
        """Search one process; gives how many links that cost."""
        cost, wanted = _OF_A_PROCESS, len(missing)
        self._looked.add(pid)
        try:
            for link in _links(f"{self._table.proc}/{pid}/fd"):
                cost += 1
                if link.startswith("socket:["):
                    inode = int(link[8:-1])
                    found.setdefault(inode, pid)
                    missing.discard(inode)
                    if not missing:
                        break
        except PermissionError:
            self.is_refused = True
        except OSError:
            pass  # it has ended
        has_one = len(missing) < wanted
        if has_one or pid in self._likely:
            self._likely[pid] = None
            self._likely.move_to_end(pid, last=has_one)
        return cost

    def _inhabitants(self) -> dict[int, set[int]]:
        """Pids by namespace; under 0 those whose namespace may not be seen."""
        found: dict[int, set[int]] = {}
        for process in self._table:
            if process.command:  # kernel threads, which have none, hold no sockets
                found.setdefault(process.namespace, set()).add(process.pid)
        return found

    def _holders(self, within: set[int]) -> Iterator[int]:
        return iter([pid for pid in reversed(self._likely) if pid in within])

    def _others(self, within: set[int]) -> Iterator[int]:
        new = within - self._looked
        yield from sorted(new, reverse=True)
        others = sorted(within - new - self._likely.keys())
        if others:
            self._turn = (self._turn + 1) % len(others)
            for pid in others[self._turn :] + others[: self._turn]:
                self._turn += 1
                yield pid


def _links(directory: str) -> Iterator[str]:
    """Those that are still there; new ones, which have high numbers, first. Raises OSError."""
    for name in reversed(os.listdir(directory)):  # noqa: PTH208
        try:
            yield os.readlink(f"{directory}/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue
