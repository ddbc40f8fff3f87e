"""The ``config.json`` of an OCI runtime bundle.

A container has either the root file system of an image, with its sandbox at ``SANDBOX``, or the
host's, where everything stays where it is, as Mesos has it. Of the namespaces it always has its own
of mounts; the rest is decided in ``Wanted``. In an image's root all of /dev, /proc and /sys is made
anew, with the container's own cgroups, by which programs know what they may use; of the host's only
/proc is, where the container has its own processes. The host's /dev stays as it is.
Source: the OCI Runtime Specification 1.0.2; the paths hidden are those that Docker hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.agent.adapters.native.accounts import Account
from orchestrator.agent.adapters.native.capabilities import Capabilities
from orchestrator.agent.adapters.native.devices import DeviceNode
from orchestrator.agent.adapters.native.process import RLimit
from orchestrator.agent.adapters.native.volumes import Mount
from orchestrator.mesos.types import Message

SANDBOX = "/mnt/mesos/sandbox"
DEFAULT_SHM_BYTES = 64 * 1024 * 1024
MASKED_PATHS = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"),
    *("/sys/firmware", "/sys/devices/virtual/powercap"),
)
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")
_DEFAULT_DEVICES = (  # type, major, minor, access; None is any
    *(("c", None, None, "m"), ("b", None, None, "m")),
    *(("c", 1, 3, "rwm"), ("c", 1, 5, "rwm"), ("c", 1, 7, "rwm"), ("c", 1, 8, "rwm")),
    *(("c", 1, 9, "rwm"), ("c", 5, 0, "rwm"), ("c", 5, 1, "rwm"), ("c", 5, 2, "rwm")),
    ("c", 136, None, "rwm"),
)
_CGROUP_OPTIONS = ("nosuid", "noexec", "nodev", "relatime", "ro")
JSON = dict[str, Any]  # the document, or a part of it


class Wanted(Message):
    """Everything that was decided about one container.

    ``root`` is its root file system on the host, or "/" without an image. ``sandbox`` is the
    sandbox's path on the host. ``network`` is the path of a network namespace, None for the host's.
    ``cgroups_path`` is relative to the root of every hierarchy; ``has_own_cgroups``: the container
    sees that one as the root, which v1 shows by its mounts alone.
    """

    root: str
    sandbox: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    account: Account
    capabilities: Capabilities
    cgroups_path: str
    seccomp: JSON | None = None
    rlimits: Sequence[RLimit] = ()
    mounts: Sequence[Mount] = ()
    files: Sequence[tuple[str, str]] = ()  # source and target of files of the network's
    devices: Sequence[DeviceNode] = ()
    hostname: str | None = None
    network: str | None = None
    has_own_pids: bool = True
    has_own_ipc: bool = True
    has_own_cgroups: bool = False
    shm_bytes: int = DEFAULT_SHM_BYTES
    is_read_only: bool = False
    no_new_privileges: bool = False
    has_terminal: bool = False
    annotations: Mapping[str, str] = {}

    @property
    def has_image(self) -> bool:
        """Whether the root is not the host's."""
        return self.root != "/"


def config(wanted: Wanted) -> JSON:
    """The whole document."""
    document: JSON = {
        "ociVersion": "1.0.2",
        "process": _process(wanted),
        "root": {"path": wanted.root, "readonly": wanted.is_read_only}
        if wanted.has_image
        else {"path": "rootfs", "readonly": False},
        "mounts": [*_base(wanted), *_files(wanted), *map(_bind, wanted.mounts)],
        "linux": _linux(wanted),
        "annotations": dict(wanted.annotations),
    }
    if wanted.hostname is not None:
        document["hostname"] = wanted.hostname
    return document


def _process(wanted: Wanted) -> JSON:
    account, capabilities = wanted.account, wanted.capabilities
    is_privileged = account.uid == 0 or capabilities.is_explicit
    effective = list(capabilities.effective) if is_privileged else []
    return {
        "terminal": wanted.has_terminal,
        "user": {
            "uid": account.uid,
            "gid": account.gid,
            "additionalGids": list(account.groups),
        },
        "args": list(wanted.argv),
        "env": [f"{name}={value}" for name, value in wanted.environment.items()],
        "cwd": wanted.directory,
        "capabilities": {
            "bounding": list(capabilities.bounding),
            "effective": effective,
            "permitted": effective,
            # Only these reach the program that a user other than root executes.
            "inheritable": effective if capabilities.is_explicit else [],
            "ambient": effective if capabilities.is_explicit else [],
        },
        "rlimits": [
            {"type": one.type, "soft": one.soft, "hard": one.hard} for one in wanted.rlimits
        ],
        "noNewPrivileges": wanted.no_new_privileges,
    }


def _linux(wanted: Wanted) -> JSON:
    linux: JSON = {
        "namespaces": _namespaces(wanted),
        "cgroupsPath": wanted.cgroups_path,
        "resources": {"devices": _device_rules(wanted)},
        "devices": [_node(one) for one in wanted.devices] if wanted.has_image else [],
    }
    if wanted.seccomp is not None:
        linux["seccomp"] = wanted.seccomp
    if wanted.has_image:
        linux |= {
            "maskedPaths": list(MASKED_PATHS),
            "readonlyPaths": list(READ_ONLY_PATHS),
            "rootfsPropagation": _root_propagation(wanted),
        }
    return linux


def _root_propagation(wanted: Wanted) -> str:
    """Mounts reach the host only through volumes that ask for it, and those need a shared root."""
    kinds = {one.propagation for one in wanted.mounts}
    if "rshared" in kinds:
        return "shared"
    return "rslave" if "rslave" in kinds else "rprivate"


def _namespaces(wanted: Wanted) -> list[JSON]:
    namespaces: list[JSON] = [{"type": "mount"}]
    if wanted.has_own_pids:
        namespaces.append({"type": "pid"})
    if wanted.has_own_ipc:
        namespaces.append({"type": "ipc"})
    if wanted.has_own_cgroups:
        namespaces.append({"type": "cgroup"})
    if wanted.hostname is not None:
        namespaces.append({"type": "uts"})
    if wanted.network is not None:
        namespaces.append({"type": "network", "path": wanted.network})
    return namespaces


def _device_rules(wanted: Wanted) -> list[JSON]:
    own = (_rule(one.type, one.major, one.minor, one.device.access) for one in wanted.devices)
    return [{"allow": False, "access": "rwm"}, *(_rule(*one) for one in _DEFAULT_DEVICES), *own]


def _rule(type_: str, major: int | None, minor: int | None, access: str) -> JSON:
    rule: JSON = {"allow": True, "type": type_, "access": access}
    if major is not None:
        rule["major"] = major
    if minor is not None:
        rule["minor"] = minor
    return rule


def _node(one: DeviceNode) -> JSON:
    return {
        "path": one.device.path,
        "type": one.type,
        "major": one.major,
        "minor": one.minor,
        "fileMode": one.mode,
        "uid": 0,
        "gid": 0,
    }


# --- mounts --------------------------------------------------------------------------------------


def _base(wanted: Wanted) -> list[JSON]:
    if not wanted.has_image:
        propagation = _host_propagation(wanted)
        # Without the second runc makes nodes and links in /dev, which here is the host's own.
        mounts = [_mount(path, "bind", path, "rbind", propagation) for path in ("/", "/dev")]
        if wanted.has_own_pids:
            mounts.append(_mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"))
        return [*mounts, *([_shm(wanted)] if wanted.has_own_ipc else [])]
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            *("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        _shm(wanted),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
        if wanted.has_own_ipc
        else _mount("/dev/mqueue", "bind", "/dev/mqueue", "rbind", "nosuid", "noexec", "nodev"),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *_CGROUP_OPTIONS),
        _mount(SANDBOX, "bind", wanted.sandbox, "rbind", "rw", "nosuid", "nodev"),
    ]


def _host_propagation(wanted: Wanted) -> str:
    """What the host mounts later is seen; what is mounted inside is not, unless asked for."""
    return "rshared" if any(one.propagation == "rshared" for one in wanted.mounts) else "rslave"


def _shm(wanted: Wanted) -> JSON:
    if not wanted.has_own_ipc:
        return _mount("/dev/shm", "bind", "/dev/shm", "rbind", "rw", "nosuid", "nodev")
    size = f"size={wanted.shm_bytes}"
    return _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", size)


def _files(wanted: Wanted) -> list[JSON]:
    return [
        _mount(target, "bind", source, "rbind", "ro", "nosuid", "nodev", "noexec", "rprivate")
        for source, target in wanted.files
    ]


def _bind(mount: Mount) -> JSON:
    mode = "ro" if mount.is_read_only else "rw"
    return _mount(mount.target, "bind", mount.source, "rbind", mode, mount.propagation)


def _mount(target: str, type_: str, source: str, *options: str) -> JSON:
    return {"destination": target, "type": type_, "source": source, "options": list(options)}
