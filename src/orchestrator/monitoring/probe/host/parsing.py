"""What files of /proc say of the machine; pure. Form of each: proc(5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_SECTOR_BYTES = 512
_VIRTUAL_DISKS = ("loop", "ram", "dm-", "md", "zram", "sr", "fd", "nbd")


class Cpu(NamedTuple):
    """Of /proc/stat: seconds since the machine started, over all processors."""

    busy_s: float
    booted_at: float
    cpus: int


class Traffic(NamedTuple):
    """Bytes since the machine started."""

    inwards: int = 0
    outwards: int = 0


def parse_cpu(text: str, ticks_per_s: int) -> Cpu:
    """Read /proc/stat; waiting for a disk is idle. Raises ValueError."""
    lines = text.splitlines()
    fields = [int(field) for field in lines[0].split()[1:9]]
    busy = sum(fields) - fields[3] - fields[4]
    boot = next((line.split()[1] for line in lines if line.startswith("btime ")), "0")
    cpus = sum(re.match(r"cpu\d", line) is not None for line in lines)
    return Cpu(busy / ticks_per_s, float(boot), cpus)


def parse_memory(text: str) -> dict[str, int]:
    """/proc/meminfo in bytes, by name."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * (1024 if words[-1] == "kB" else 1)
    return found


def parse_load(text: str) -> tuple[float, float, float]:
    """/proc/loadavg: over 1, 5 and 15 minutes. Raises ValueError."""
    one, five, fifteen = map(float, text.split()[:3])
    return one, five, fifteen


def parse_network(text: str, counts: Callable[[str], bool]) -> Traffic:
    """/proc/net/dev, over the interfaces that count: a packet to a container passes several."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = rest.split()
        if len(fields) >= 9 and counts(name.strip()):
            received += int(fields[0])
            sent += int(fields[8])
    return Traffic(received, sent)


def parse_disks(text: str, whole: Callable[[str], bool]) -> Traffic:
    """/proc/diskstats: bytes read and written, over whole disks."""
    read = written = 0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 10 and not fields[2].startswith(_VIRTUAL_DISKS) and whole(fields[2]):
            read += int(fields[5])
            written += int(fields[9])
    return Traffic(read * _SECTOR_BYTES, written * _SECTOR_BYTES)


def parse_os(text: str) -> str:
    """The name in /etc/os-release."""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip().strip("\"'")
    return "Linux"
