"""Looking at and clearing away what native containers leave on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path


def mounts_below(directory: Path) -> list[str]:
    """The mount points below a directory, the latest last."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [path for line in lines if (path := line.split(" ")[4]).startswith(f"{directory}/")]


def cgroups_of(name: str) -> list[str]:
    """The cgroups, in any hierarchy, whose path ends with the name."""
    return [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/{name}")]


def clear_containers(native: Path) -> None:
    """Delete the containers of an agent that is gone, and unmount what it mounted."""
    state = native / "run/runc"
    for container in state.iterdir() if state.exists() else ():
        command = ["runc", "--root", str(state), "delete", "--force", container.name]
        subprocess.run(command, capture_output=True, check=False)
    for mount in reversed(mounts_below(native)):
        subprocess.run(["umount", "--lazy", mount], check=False)
