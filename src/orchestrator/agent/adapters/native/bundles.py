"""The directories and mounts of containers, below the agent's ``native``.

``run`` is in memory, for what must not be on a disk (environments may hold secrets) and what means
nothing after a reboot: the bundles with ``config.json``, and runc's state. ``containers/ID`` is on
disk: the root's mount point and what the container writes into it. All is found again by looking.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from orchestrator.agent.adapters import trees
from orchestrator.agent.adapters.images import merge
from orchestrator.agent.adapters.native import mounting
from orchestrator.agent.adapters.native.accounts import Account
from orchestrator.agent.adapters.native.spec import JSON, SANDBOX

_PLACES = ("proc", "sys", "dev", "etc", SANDBOX.lstrip("/"))
_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
_NO_OVERLAY = (errno.ENODEV, errno.EINVAL, errno.EPERM, errno.EOPNOTSUPP)  # here, or ever
RUN_BYTES = 1024 * 1024 * 1024  # of memory at most; a container takes about 100 KB
logger = logging.getLogger(__name__)


class Note(msgspec.Struct, frozen=True):
    """What is to be known of a container as long as it is there."""

    layers: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()


class Bundles:
    """All containers of one agent."""

    def __init__(self, directory: Path) -> None:
        self._run = directory / "run"
        self._containers = directory / "containers"
        self._skeleton = directory / "skeleton"
        self.runc_state = self._run / "runc"
        self._has_overlay = True

    def open(self) -> None:
        """Make the directories. Raises OSError."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._containers.mkdir(exist_ok=True)
        if not os.path.ismount(self._run):
            shutil.rmtree(self._run)  # what a machine without that mount left
            self._run.mkdir(mode=0o700)
            mounting.tmpfs(self._run, RUN_BYTES)
        (self._run / "bundles").mkdir(exist_ok=True)
        self._make_skeleton()
        self.runc_state.mkdir(exist_ok=True)

    def _make_skeleton(self) -> None:
        """What is mounted over in every container, below its image: nothing need be made there."""
        for name in _PLACES:
            (self._skeleton / name).mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (self._skeleton / name).touch()

    def close(self) -> None:
        """Give the memory back if there are no containers. Raises OSError."""
        if os.path.ismount(self._run) and not self.ids():
            mounting.unmount(self._run)

    def ids(self) -> set[str]:
        """Every container of which there is anything."""
        places = (self._containers, self._run / "bundles", self.runc_state)
        return {one.name for place in places if place.exists() for one in place.iterdir()}

    def bundle(self, container_id: str) -> Path:
        """Where config.json is, or will be."""
        return self._run / "bundles" / container_id

    def make(self, container_id: str) -> Path:
        """An empty bundle. Raises OSError."""
        bundle = self.bundle(container_id)
        (bundle / "rootfs").mkdir(parents=True)
        return bundle

    def make_root(self, container_id: str, layers: Sequence[Path]) -> Path:
        """A root file system of these layers, whose changes are the container's own.

        Raises OSError.
        """
        layers = (self._skeleton, *layers)
        place = self._containers / container_id
        root, upper, work = place / "root", place / "upper", place / "work"
        for directory in (root, upper, work):
            directory.mkdir(parents=True)
        upper.chmod(0o755)
        if self._has_overlay:
            try:
                mounting.overlay(layers, upper, work, root)
                return root
            except OSError as error:
                if error.errno not in _NO_OVERLAY:
                    raise
                self._has_overlay = False
                logger.warning("images are copied for each container, because %s", error)
        merge.merge(layers, root)
        return root

    def write_secret(self, container_id: str, number: int, data: bytes, owner: Account) -> Path:
        """A file in memory that only its owner can read. Raises OSError."""
        directory = self.bundle(container_id) / "secrets"
        directory.mkdir(exist_ok=True)
        path = directory / str(number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(fd, "wb") as file:
            os.fchown(fd, owner.uid, owner.gid)
            file.write(data)
        return path

    def pin(self, container_id: str, number: int, source: Path, within: Path) -> Path:
        """A mount of what is at ``source`` now, whatever is put in its place. Raises OSError."""
        fd = os.open(source, os.O_PATH | os.O_NOFOLLOW)
        try:
            found = Path(f"/proc/self/fd/{fd}").readlink()
            if not found.is_relative_to(within.resolve()):
                raise OSError(f"'{source}' leads out of the sandbox")
            target = self.bundle(container_id) / "volumes" / str(number)
            target.parent.mkdir(exist_ok=True)
            target.mkdir() if source.is_dir() else target.touch()
            mounting.bind(Path(f"/proc/self/fd/{fd}"), target)
            return target
        finally:
            os.close(fd)

    def write(self, container_id: str, config: JSON, note: Note) -> None:
        """Complete the bundle. Raises OSError."""
        bundle = self.bundle(container_id)
        (bundle / "config.json").write_bytes(msgspec.json.encode(config))
        (bundle / "note.json").write_bytes(msgspec.json.encode(note))

    def note(self, container_id: str) -> Note:
        """What was noted; nothing where nothing was."""
        try:
            text = (self.bundle(container_id) / "note.json").read_bytes()
            return msgspec.json.decode(text, type=Note)
        except (OSError, msgspec.MsgspecError):  # it was never completed
            return Note()

    def remove(self, container_id: str) -> None:
        """Undo all of it; nothing runs in it any more. Raises OSError."""
        for place in (self._containers / container_id, self.bundle(container_id)):
            for target in mounting.below(place):
                mounting.unmount(target)
            if left := mounting.below(place):  # what is mounted is not ours to remove
                raise OSError(f"'{left[0]}' cannot be unmounted")
            if place.exists():
                trees.remove(place)
