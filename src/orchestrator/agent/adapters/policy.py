"""What a task in a container with a root of its own may have of the machine itself.

Whoever may launch tasks must not thereby own every machine, so what amounts to that (privileged
containers, added capabilities, devices, namespaces of the host, volumes from where the machine
keeps its own things) is given only where the operator said so with ``--allow-privileged``.
Everything else that Marathon's users ask for works without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from orchestrator.agent.config import AgentConfig
from orchestrator.mesos.types import Message
from orchestrator.runtime.config import ConfigError

# What Docker gives a container by itself (its reference of "docker run", on capabilities).
DEFAULT_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_CLOSED = [
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/run",
    "/var/spool/cron",
]
_READ_ONLY = ["/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr"]
_HARMLESS = [
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/timezone",
]


class Policy(Message):
    """The operator's word. ``host_volumes`` are the directories that volumes may come from.

    ``closed`` are further paths that no volume may touch: the agent's own and the Engine's.
    """

    allow_privileged: bool = False
    host_volumes: tuple[str, ...] = ("/",)
    closed: tuple[str, ...] = ()

    def refusal_of_volume(self, path: str, *, read_only: bool) -> str | None:
        """Why a path of the host (absolute) is not mounted, or None. Looks at symbolic links."""
        real = os.path.realpath(path)
        if self.allow_privileged:
            return None
        if not any(_is_within(real, allowed) for allowed in self.host_volumes):
            where = ", ".join(self.host_volumes) or "none"
            return f"volumes of this agent come from these directories only: {where}"
        if any(_is_within(real, chosen) for chosen in self.host_volumes if chosen != "/"):
            return None if not _touches(real, self.closed) else _CLOSED_SENTENCE
        if read_only and any(_is_within(os.path.normpath(path), one) for one in _HARMLESS):
            return None
        if _touches(real, (*_CLOSED, *self.closed)):
            return _CLOSED_SENTENCE
        if not read_only and _touches(real, _READ_ONLY):
            return "the machine's programs can be mounted read-only only"
        return None

    def excess_capability(self, names: Iterable[str]) -> str | None:
        """The first capability that is not given here, if any."""
        for name in names:
            if not self.allow_privileged and capability(name) not in DEFAULT_CAPABILITIES:
                return name
        return None


def from_config(config: AgentConfig, work_dir: Path, socket: Path | None) -> Policy:
    """The settings, with the agent's directory and the Engine's socket. Raises ConfigError."""
    allowed = [one.strip() for one in config.host_volumes.split(",") if one.strip()]
    for path in allowed:
        if not path.startswith("/"):
            raise ConfigError(f"--host-volumes: '{path}' is not an absolute path")
    closed = [str(work_dir), *([str(socket.resolve())] if socket else [])]
    return Policy(
        allow_privileged=config.allow_privileged,
        host_volumes=tuple(str(Path(path).resolve()) for path in allowed),
        closed=tuple(closed),
    )


_CLOSED_SENTENCE = (
    "the machine keeps things there that are not for tasks; this agent mounts it only when it runs "
    "with --allow-privileged"
)


def capability(name: str) -> str:
    """``CAP_NET_RAW`` and ``net_raw`` as Docker writes it: ``NET_RAW``."""
    return name.upper().removeprefix("CAP_")


def _touches(path: str, closed: Iterable[str]) -> bool:
    """Whether a path lies in one of others, or holds one."""
    return any(_is_within(path, one) or _is_within(one, path) for one in closed)


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
