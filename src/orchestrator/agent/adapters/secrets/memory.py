"""Where secrets lie that must not be on a disk: in a tmpfs that every machine has.

/dev/shm, else /run: so no mount can be left behind, and what was not removed is gone when the
machine restarts, as the tasks are. A tmpfs may be swapped out; where that matters, swap has to be
off or encrypted.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_CANDIDATES = (Path("/dev/shm"), Path("/run"))
_IN_MEMORY = ("tmpfs", "ramfs")
_MOUNTS = Path("/proc/self/mounts")


def directory_for(purpose: str, work_dir: Path, root: Path | None = None) -> Path | None:
    """An agent's own directory, made or not; None where nothing is in memory.

    ``root`` stands for the place in memory.
    """
    digest = hashlib.sha256(str(work_dir).encode()).hexdigest()[:16]
    base = root or _memory()
    return base and base / f"orchestrator-{purpose}-{os.geteuid()}-{digest}"


def is_own(directory: Path) -> bool:
    """Whether it is a directory that nobody else has put there. Raises OSError."""
    return not directory.is_symlink() and directory.stat().st_uid == os.geteuid()


def _memory() -> Path | None:
    """A directory that is a mount of a file system in memory, where this user may write."""
    kinds = {}
    for line in _MOUNTS.read_text(errors="replace").splitlines():
        _, place, kind, *_ = line.split(" ")
        kinds[place] = kind
    fit = (path for path in _CANDIDATES if kinds.get(str(path)) in _IN_MEMORY)
    return next((path for path in fit if os.access(path, os.W_OK)), None)
