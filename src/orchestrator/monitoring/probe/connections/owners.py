"""Which process holds a socket: found among the open files of processes, a few at a time.

Sockets are looked for when they are new only, first in the processes that held sockets of the same
namespace before, then in those never looked at, then in turn in all others. What the links of
/proc/PID/fd cost is limited for each report; what was not found is looked for again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from orchestrator.monitoring.probe.processes.table import Process, ProcessTable

LINKS_A_REPORT = 3000
_FIRST_TIME = 10  # times as many


class Owners:
    """Finds owners, and remembers who is likely to be one."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._likely: dict[int, dict[int, None]] = {}  # namespace: pids, the latest last
        self._looked: set[int] = set()
        self._turn = 0
        self._is_first = True
        self.is_refused = False
        """Whether some processes do not show their files."""

    def find(self, wanted: dict[int, set[int]]) -> dict[int, int]:
        """Pids by inode, for inodes wanted by namespace."""
        found: dict[int, int] = {}
        links = LINKS_A_REPORT * (_FIRST_TIME if self._is_first else 1)
        self._is_first = False
        alive = {process.pid for process in self._table}
        self._looked &= alive
        for namespace, inodes in wanted.items():
            missing = set(inodes)
            for pid in self._candidates(namespace):
                if not missing or links <= 0:
                    break
                links -= self._look(pid, namespace, missing, found)
            if links <= 0:
                break
        return found

    def _look(self, pid: int, namespace: int, missing: set[int], found: dict[int, int]) -> int:
        """Search one process; gives how many links that cost."""
        directory = f"{self._table.proc}/{pid}/fd"
        self._looked.add(pid)
        try:
            names = os.listdir(directory)  # noqa: PTH208
        except PermissionError:
            self.is_refused = True
            return 10
        except OSError:
            return 10
        cost = 10
        for name in reversed(names):  # new ones have high numbers
            if not missing:
                break
            cost += 1
            try:
                link = os.readlink(f"{directory}/{name}")  # noqa: PTH115
            except PermissionError:
                self.is_refused = True
                break
            except OSError:
                continue
            if link.startswith("socket:["):
                inode = int(link[8:-1])
                if inode in missing:
                    missing.discard(inode)
                    found[inode] = pid
                    likely = self._likely.setdefault(namespace, {})
                    likely.pop(pid, None)
                    likely[pid] = None
        return cost

    def _candidates(self, namespace: int) -> Iterable[int]:
        within = {one.pid: one for one in self._table if _is_within(one, namespace)}
        likely = self._likely.get(namespace, {})
        for pid in [pid for pid in likely if pid not in within]:
            del likely[pid]
        yield from list(reversed(likely))[:200]
        new = [pid for pid in within if pid not in self._looked]
        yield from reversed(new)
        others = sorted(within.keys() - set(new) - likely.keys())
        if others:
            self._turn = (self._turn + 1) % len(others)
            for pid in others[self._turn :] + others[: self._turn]:
                self._turn += 1
                yield pid


def _is_within(process: Process, namespace: int) -> bool:
    """Kernel threads hold none; a process whose namespace may not be seen might."""
    return bool(process.command) and process.namespace in (namespace, 0)
