"""Removes the sandboxes of tasks that ended long ago; ``core/retention`` says which.

Nothing is removed below which something is mounted: it would be somebody's volume. Directories
above, of executors, frameworks and earlier agent ids, go when they are empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.agent.adapters import mounted, trees
from orchestrator.agent.core import retention
from orchestrator.agent.core.retention import Sandbox
from orchestrator.mesos.types import Message

_PATTERN = "slaves/*/frameworks/*/executors/*/runs/*"
logger = logging.getLogger(__name__)


class Policy(Message):
    """How long sandboxes stay (``delay_s``), how soon a full disk shortens that, how often to look.

    ``headroom`` is the part of the disk that is to stay free.
    """

    delay_s: float
    headroom: float
    interval_s: float


class Collector:
    """Collects the garbage of one work directory.

    ``is_in_use`` tells whether a container is; it is asked again right before each removal.
    ``on_removed`` is called with the container's id. ``removed`` and ``failed`` count sandboxes;
    ``allowed_age_s`` is the last one applied.
    """

    def __init__(
        self,
        work_dir: Path,
        policy: Policy,
        is_in_use: Callable[[str], bool],
        on_removed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.removed = self.failed = 0
        self.allowed_age_s = policy.delay_s
        self._work_dir = work_dir
        self._policy = policy
        self._is_in_use = is_in_use
        self._on_removed = on_removed
        self._used: set[str] = set()  # in use when last looked at

    async def run(self) -> None:
        """Look in the policy's interval, or more often where less is kept, until cancelled."""
        pause_s = min(self._policy.interval_s, max(1.0, self._policy.delay_s))
        while True:
            await asyncio.to_thread(self.collect, time.time(), usage(self._work_dir))
            await asyncio.sleep(pause_s)

    def collect(self, now: float, used: float) -> int:
        """Remove what is too old at ``now`` with that part of the disk used; gives how many."""
        policy = self._policy
        self.allowed_age_s = retention.allowed_age_s(policy.delay_s, policy.headroom, used)
        over = retention.garbage(self._sandboxes(), self.allowed_age_s, now)
        removed = sum([self._remove(sandbox) for sandbox in over])
        if removed:
            logger.info("removed %d sandboxes unchanged for %.0f s", removed, self.allowed_age_s)
        return removed

    def _sandboxes(self) -> Iterator[Sandbox]:
        before, self._used = self._used, set()
        for run in self._work_dir.glob(_PATTERN):
            if run.is_symlink():
                continue
            if is_in_use := self._is_in_use(run.name):
                self._used.add(run.name)
            elif run.name in before:
                with contextlib.suppress(OSError):  # somebody else removed it
                    os.utime(run)  # it has just ended, however long ago it wrote anything
            yield Sandbox(
                path=str(run),
                container_id=run.name,
                changed_at=_last_change(run),
                is_in_use=is_in_use,
            )

    def _remove(self, sandbox: Sandbox) -> bool:
        path = Path(sandbox.path)
        if self._is_in_use(sandbox.container_id):
            return False
        if mount := mounted.below(path):
            logger.warning("%s stays: %s is mounted below it", path, mount)
            self.failed += 1
            return False
        try:
            trees.remove(path)
        except OSError as error:
            logger.warning("%s cannot be removed: %s", path, error)
            self.failed += 1
            return False
        self.removed += 1
        self._on_removed(sandbox.container_id)
        _remove_if_empty(path.parent)
        return True


def usage(path: Path) -> float:
    """Which part of the file system is used, 0 to 1; what only root may use counts as used."""
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return used / max(1, used + found.f_bavail)


def _last_change(run: Path) -> float:
    """When anything in its top level changed; not by the times that a task can set."""
    times = [0.0]
    for path in (run, *run.glob("*")):
        with contextlib.suppress(OSError):
            times.append(path.lstat().st_ctime)
    return max(times)


def _remove_if_empty(runs: Path) -> None:
    """Remove "runs" with its link to the latest, and the directories above, up to "slaves"."""
    latest = runs / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the first that is not empty ends it
        for directory in (runs, *runs.parents[:5]):
            directory.rmdir()
