"""Machines with cgroups, as far as files can play them: mounts, controllers, a cgroup."""

from __future__ import annotations

from pathlib import Path

_LINE = "{number} 23 0:{number} / {place} rw,relatime - {kind} {kind} rw{options}\n"
V1 = {"cpu,cpuacct": "cpu,cpuacct", "memory": "memory", "pids": "pids", "freezer": "freezer"}


class FakeMachine:
    """``root`` is where its file system begins."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/mountinfo").write_text("27 1 254:0 / / rw - ext4 /dev/vda rw\n")
        (root / "proc/cgroups").write_text(
            "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
            "cpu\t1\t1\t1\ncpuacct\t1\t1\t1\nmemory\t2\t1\t0\n"
        )
        self._mounts = 30

    def mounts_v1(self, *names: str, at: str = "sys/fs/cgroup") -> FakeMachine:
        for name in names or V1:
            options = f",{V1.get(name, name)}"
            self._mount(f"/{at}/{name}", "cgroup", options)
        return self

    def mounts_v2(self, controllers: str, at: str = "sys/fs/cgroup") -> FakeMachine:
        path = self._mount(f"/{at}", "cgroup2", "")
        (path / "cgroup.controllers").write_text(controllers)
        (path / "cgroup.subtree_control").write_text("")
        return self

    def has(self, path: str, **files: str) -> Path:
        """A cgroup with these files; a dot is written as two underscores."""
        place = self.root / path
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (place / name.replace("__", ".")).write_text(content)
        return place

    def _mount(self, place: str, kind: str, options: str) -> Path:
        self._mounts += 1
        line = _LINE.format(number=self._mounts, place=place, kind=kind, options=options)
        with (self.root / "proc/self/mountinfo").open("a") as file:
            file.write(line)
        path = self.root / place.replace("\\040", " ").lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        return path
