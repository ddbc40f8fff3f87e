"""What this machine has, for an agent that is not told what to offer; and how it is called."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import Kind, Resources
from orchestrator.mesos.types import ValueType

SYSTEM_MEM_MB = 1024
SYSTEM_DISK_MB = 5 * 1024
DEFAULT_PORTS = ((31000, 32000),)


def resources(setting: str, data_dir: Path) -> Resources:
    """What is set, and what is detected of cpus, mem, disk and ports where nothing is.

    Like Mesos, half of a small machine and all but a part of a larger one. Raises ResourceError.
    """
    given = resource_wire.parse(setting) if setting.strip() else Resources()
    names = {kind.name for kind in given.amounts}
    return given + _detected(data_dir).where(lambda kind: kind.name not in names)


def _detected(data_dir: Path) -> Resources:
    cpus = len(os.sched_getaffinity(0))
    mem = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    disk = shutil.disk_usage(_existing(data_dir)).total // 2**20
    scalars = Resources.of(
        cpus=cpus, mem=_all_but(mem, SYSTEM_MEM_MB), disk=_all_but(disk, SYSTEM_DISK_MB)
    )
    ports = Kind(name="ports", type=ValueType.RANGES)
    return scalars + Resources({ports: DEFAULT_PORTS})


def _all_but(total: int, reserved: int) -> int:
    return total - reserved if total > 2 * reserved else total // 2


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.exists())


def advertised_ip(host: str) -> str:
    """The IPv4 address that others reach ``host`` by. Raises OSError when it has none."""
    address = str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])
    return _own_ip() if address == "0.0.0.0" else address


def _own_ip() -> str:
    try:
        return str(socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)[0][4][0])
    except OSError:
        return "127.0.0.1"
