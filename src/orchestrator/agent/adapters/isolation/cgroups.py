"""A cgroup for each container, in every hierarchy that has a controller of use.

They lie in ``<mount>/<cgroups_root>/<scope>/<container id>``; the scope names the agent's work
directory, so several agents of one machine do not meet, and what an earlier run of this agent left
is known as its own. One of a container's cgroups is its *roster*: the one whose list of members the
supervisor goes by when it ends the container, in the hierarchy that best keeps new ones from
appearing meanwhile. The kernel's counters outlive the processes, so how much memory was used, and
whether the kernel killed for it, is read after the end, by whichever agent is there then.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters.isolation import directories, hierarchies, quota, usage
from orchestrator.agent.adapters.isolation.hierarchies import Hierarchy
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.adapters.isolation.setting import Isolation, IsolationError
from orchestrator.agent.adapters.isolation.slots import Slot, best_roster, occupy, prepare
from orchestrator.agent.adapters.isolation.usage import Overrun, Place, Usage
from orchestrator.mesos.types import Message

_NAMES = {"cpu": "cgroups/cpu", "memory": "cgroups/mem", "pids": "cgroups/pids"}
logger = logging.getLogger(__name__)


class CgroupError(Exception):
    """A container's cgroup cannot be made; says why, for the task's status."""


class Placement(Message):
    """Where a container's processes belong.

    ``enters``: files to write 0 to before the program runs. ``roster``: the directory whose
    cgroup.procs lists all of them; None where there are no cgroups.
    """

    enters: list[str] = []
    roster: str | None = None


class Cgroups:
    """Those of one agent. Without slots, containers are not isolated and every method does nothing.

    ``missing`` says of each controller that is wanted and cannot be had, why.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        *,
        bases: Sequence[Path] = (),
        group: str = "",
        mode: str = "none",
        missing: dict[str, str] | None = None,
    ) -> None:
        self._slots = tuple(slots)
        self._bases = tuple(bases)  # also those that only a container runtime uses
        self._roster = best_roster(slots)
        self.group = group
        self.mode = mode
        self.missing = missing or {}

    @property
    def controllers(self) -> frozenset[str]:
        """Those in use."""
        return frozenset[str]().union(*(slot.controllers for slot in self._slots))

    def flags(self) -> dict[str, str]:
        """What is in force, for whoever asks for the agent's flags."""
        names = sorted(_NAMES.get(one, one) for one in self.controllers - {"cpuacct"})
        shown = {"cgroups": self.mode, "isolation": ",".join(names) or "posix/cpu,posix/mem"}
        missing = [f"{name}: {reason}" for name, reason in self.missing.items()]
        return shown | ({"isolation_missing": "; ".join(missing)} if missing else {})

    def path_of(self, container_id: str) -> str:
        """The container's cgroup below any mount point, as a runtime's cgroupsPath wants it."""
        return f"/{self.group}/{container_id}"

    def create(self, container_id: str, limits: Quota) -> Placement:
        """Make its cgroups, or those that do not exist yet. Raises CgroupError."""
        try:
            for slot in self._slots:
                _make(slot, f"{slot.base}/{container_id}")
                _configure(slot, f"{slot.base}/{container_id}", limits)
        except OSError as error:
            where = error.filename or self.group
            raise CgroupError(f"Its cgroup cannot be made: {error.strerror}: {where}") from None
        return self.placement(container_id)

    def resize(self, container_id: str, limits: Quota) -> None:
        """Change the limits in force; the one of memory only grows. Raises CgroupError.

        Below what is used, a lower one would have the kernel kill at once.
        """
        for slot in self._slots:
            path = f"{slot.base}/{container_id}"
            if not os.path.isdir(path):  # noqa: PTH112
                continue
            now = usage.memory_limit(slot.base / container_id, is_unified=slot.is_unified)
            grown = replace(limits, memory_limit_bytes=_larger(limits.memory_limit_bytes, now))
            try:
                _configure(slot, path, grown, is_growing=True)
            except OSError as error:
                raise CgroupError(f"{error.strerror}: {error.filename}") from None

    def placement(self, container_id: str) -> Placement:
        """Where its processes belong, made or not."""
        enters = [slot.member_file(container_id) for slot in self._slots]
        roster = self._roster
        return Placement(enters=enters, roster=f"{roster.base}/{container_id}" if roster else None)

    def overrun(self, container_id: str) -> Overrun | None:
        """Whether the kernel killed in it because its memory was used up."""
        slot = self._slot("memory")
        return usage.overrun(slot.base / container_id, is_unified=slot.is_unified) if slot else None

    def usage(self, container_id: str) -> Usage | None:
        """What it has used; None where it has no cgroup."""
        places = {
            controller: Place(slot.base / container_id, slot.is_unified)
            for slot in self._slots
            for controller in slot.controllers
        }
        return usage.read(places)

    def remove(self, container_ids: Iterable[str]) -> None:
        """Remove those of ended containers, killing what is left in them. Blocks; repeatable."""
        for container_id in container_ids:
            for slot in self._slots:
                directories.remove(f"{slot.base}/{container_id}")

    def remove_everywhere(self, container_ids: Iterable[str]) -> None:
        """The same in every hierarchy there is, for those that a container runtime has used."""
        for container_id in container_ids:
            for base in self._bases:
                directories.remove(f"{base}/{container_id}")

    def strays(self, known: Iterable[str]) -> list[str]:
        """The containers that have a cgroup of this agent and are not among those known."""
        found = {name for base in self._bases for name in directories.names(base)}
        return sorted(found - set(known))

    def close(self) -> None:
        """Remove this agent's own directories, where no container is left in them."""
        for base in self._bases:
            with contextlib.suppress(OSError):  # a container goes on, or it is gone already
                base.rmdir()
                base.parent.rmdir()

    def _slot(self, controller: str) -> Slot | None:
        return next((slot for slot in self._slots if controller in slot.controllers), None)


def group_of(cgroups_root: str, work_dir: Path) -> str:
    """The agent's cgroup below any mount point: the root, and a name for the work directory."""
    scope = hashlib.sha256(str(work_dir).encode()).hexdigest()[:12]
    return f"{cgroups_root.strip('/')}/{scope}"


def open_cgroups(
    wanted: Isolation,
    cgroups_root: str,
    work_dir: Path,
    *,
    found: Sequence[Hierarchy] | None = None,
    root: Path = Path("/"),
) -> Cgroups:
    """Get this agent's place in the hierarchies given, or in those that are detected.

    What is missing is logged once. Raises IsolationError when something demanded cannot be had.
    """
    found = hierarchies.detect(root) if found is None else found
    group = group_of(cgroups_root, work_dir)
    slots, missing = occupy(found, group, _with_freezer(wanted.controllers, found), root)
    if missing:
        reasons = "; ".join(sorted(set(missing.values())))
        if wanted.is_demanded:
            raise IsolationError(f"--isolation: not possible on this machine: {reasons}")
        logger.warning("containers run without limits on %s: %s", ", ".join(missing), reasons)
    return Cgroups(
        slots,
        bases=[one.path / group for one in found] if slots else [],
        group=group,
        mode=hierarchies.mode(found),
        missing=missing,
    )


def _with_freezer(wanted: frozenset[str], found: Iterable[Hierarchy]) -> frozenset[str]:
    """Without a count of processes, v1 needs the freezer to end what forks without end."""
    if not wanted or "pids" in wanted or hierarchies.holder(found, "freezer") is None:
        return wanted
    return wanted | {"freezer"}


def _make(slot: Slot, path: str) -> None:
    with contextlib.suppress(FileExistsError):
        try:
            os.mkdir(path)  # noqa: PTH102 (of all that is done for a launch, this is done most)
        except FileNotFoundError:  # the agent's own cgroup was removed meanwhile
            for error in prepare(slot).values():
                raise error from None
            os.mkdir(path)  # noqa: PTH102


def _larger(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _configure(slot: Slot, path: str, limits: Quota, *, is_growing: bool = False) -> None:
    settings = quota.settings(limits, is_unified=slot.is_unified)
    if is_growing:  # v1 wants the limit of memory with swap to be the larger one at any moment
        settings.reverse()
    for one in settings:
        if one.controller not in slot.controllers:
            continue
        try:
            directories.write(f"{path}/{one.file}", one.value)
        except OSError:
            if not one.is_optional:
                raise
