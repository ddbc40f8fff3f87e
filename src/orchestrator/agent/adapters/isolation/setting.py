"""The operator's choice of isolation: ``auto``, or names as in Mesos' ``--isolation``.

``auto`` takes whatever this machine has and says what it lacks. Names are a demand: where one
cannot be met the agent does not start, because tasks would run without a limit that was asked for.
"""

from __future__ import annotations

from orchestrator.mesos.types import Message

AUTO = "auto"
_CONTROLLERS: dict[str, frozenset[str]] = {
    "cgroups/all": frozenset({"cpu", "cpuacct", "memory", "pids"}),
    "cgroups/cpu": frozenset({"cpu", "cpuacct"}),
    "cgroups/mem": frozenset({"memory"}),
    "cgroups/pids": frozenset({"pids"}),
}
_WITHOUT_CGROUPS = frozenset({"posix/cpu", "posix/mem", "posix/disk", "disk/du"})


class IsolationError(ValueError):
    """An isolation that is not known or cannot be had here; a sentence for the operator."""


class Isolation(Message):
    """Which cgroup controllers are wanted, and whether the agent may do without."""

    controllers: frozenset[str]
    is_demanded: bool


def parse(text: str) -> Isolation:
    """Read the flag. Raises IsolationError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [AUTO]:
        return Isolation(controllers=_CONTROLLERS["cgroups/all"], is_demanded=False)
    known = {**_CONTROLLERS, **dict.fromkeys(_WITHOUT_CGROUPS, frozenset[str]())}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        choice = ", ".join(sorted(known))
        what = f"'{unknown[0]}' is not an isolation" if unknown else "it names nothing"
        raise IsolationError(f"--isolation: {what}; 'auto', or some of: {choice}")
    wanted = frozenset[str]().union(*(known[name] for name in names))
    return Isolation(controllers=wanted, is_demanded=True)


def root_of(text: str) -> str:
    """Read the flag that says below which cgroup those of containers are. Raises IsolationError."""
    names = text.strip("/").split("/")
    if any(name in ("", ".", "..") for name in names):
        raise IsolationError(f"--cgroups-root: '{text}' is not the name of a cgroup")
    return "/".join(names)
