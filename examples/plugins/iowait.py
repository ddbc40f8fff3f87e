#!/usr/bin/env python3
"""A plug-in of the probe: how long processors wait for disks, and a control that syncs them.

Run it as root beside `orchestrator probe`: the metric is then among those of the host, and the
control among what can be asked of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.monitoring.plugin import Plugin, Told, host

plugin = Plugin("iowait", "IO wait", "How long processors wait for disks")
_IOWAIT = 4  # the place among the fields of "cpu" in /proc/stat
_last = (0, 0)


@plugin.reporter
def report(told: Told) -> None:
    """The share of time since the report before."""
    global _last  # noqa: PLW0603 - a script
    times = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    now = (times[_IOWAIT], sum(times))
    waited, passed = now[0] - _last[0], now[1] - _last[1]
    _last = now
    told.metric(host(), "iowait_percent", 100 * waited / passed if passed else 0.0)
    told.control(host(), "sync")


@plugin.control("sync")
def sync(node: str) -> str:
    """Have everything written to disk."""
    del node
    os.sync()
    return "written"


if __name__ == "__main__":
    plugin.serve()
