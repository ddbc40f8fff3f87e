"""What the probe costs: ``python -m benchmarks.probe``.

A machine with 2,000 more processes and 4,000 sockets, of which some carry bytes all the time; the
probe reports all of it to an app every 15 s.

``cpu_percent``       of one core, of the probe, over a minute
``rss_mb``            of the probe at the end
``interval_ms``       processor time from one report to the next, packing and sending included
``look_ms``           processor time of looking at the machine once
``psutil_look_ms``    the same facts read once with psutil, in the same run
``psutil_cpu_ratio``  the latter by the former

psutil is none of our dependencies: without it (``pip install psutil``) the last two are left out.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import harness

_SOCKETS = """
import select, socket, sys, time
many = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
pairs = []
for _ in range(many):
    opener = socket.create_connection(listener.getsockname())
    pairs.append((opener, listener.accept()[0]))
print(flush=True)
while True:
    for opener, accepted in pairs[:50]:
        opener.sendall(bytes(1000))
        accepted.recv(1000)
    time.sleep(0.5)
"""
_PSUTIL = """
import json, statistics, sys, time
import psutil
names = ["pid", "ppid", "name", "status", "cmdline", "username", "create_time", "cpu_times",
         "memory_info", "num_threads"]
def look():
    for process in psutil.process_iter(names):
        process.info
    psutil.net_connections("inet")
    psutil.cpu_times(), psutil.virtual_memory(), psutil.getloadavg(), psutil.net_io_counters()
look()
used = []
for _ in range(5):
    time.sleep(2)  # with caches as cold as those of the probe
    before = time.process_time()
    look()
    used.append(time.process_time() - before)
print(json.dumps(statistics.median(used)))
"""


@contextmanager
def _crowd(processes: int, sockets: int) -> Iterator[None]:
    """Idle processes, and one with the sockets."""
    crowd = [
        subprocess.Popen(["sleep", str(3600 + n)], stdin=subprocess.DEVNULL)
        for n in range(processes - 1)
    ]
    holder = subprocess.Popen(
        [sys.executable, "-c", _SOCKETS, str(sockets // 2)], stdout=subprocess.PIPE
    )
    crowd.append(holder)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
    finally:
        for process in crowd:
            process.kill()
        for process in crowd:
            process.wait()


def _run_s(pid: int) -> float:
    """Processor time to the nanosecond; /proc/PID/stat counts hundredths of a second."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return harness.cpu_s(pid)


def _looked(port: int) -> tuple[float, float]:
    """How often the probe has looked, and the processor time of it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        lines = page.read().decode().splitlines()
    found = dict(line.split(" ") for line in lines if not line.startswith("#"))
    prefix = "orchestrator_probe_report"
    return float(found[f"{prefix}s_taken_total"]), float(found[f"{prefix}_seconds_total"])


def _measure(pid: int, port: int, rounds: int, interval_s: float) -> dict[str, float]:
    harness.say("the probe gets to know the machine ...")
    time.sleep(2 * interval_s + 2)
    harness.say("measuring ...")
    before, looked, began = _run_s(pid), _looked(port), time.monotonic()
    time.sleep(rounds * interval_s)
    used, elapsed_s = _run_s(pid) - before, time.monotonic() - began
    looks, seconds = (after - old for after, old in zip(_looked(port), looked, strict=True))
    return {
        "cpu_percent": used / elapsed_s * 100,
        "rss_mb": harness.rss_mb(pid),
        "interval_ms": used / rounds * 1000,
        "look_ms": seconds / looks * 1000,
    }


def _psutil_s() -> float | None:
    if importlib.util.find_spec("psutil") is None:
        harness.say("psutil is not installed: nothing to compare with")
        return None
    done = subprocess.run(
        [sys.executable, "-c", _PSUTIL], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout))


def main() -> None:
    """Measure and print."""
    flags = harness.parser(__doc__ or "").parse_args()
    processes, sockets, rounds, interval_s = (
        (200, 400, 2, 2.0) if flags.quick else (2000, 4000, 4, 15.0)
    )
    harness.allow_many_sockets()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        port, own_port = harness.free_port(), harness.free_port()
        command = ["-m", "orchestrator.cli.main"]
        app = [*command, "app", "--port", str(port), "--data-dir", str(directory / "data")]
        stack.enter_context(harness.server(app, port, directory / "app.log"))
        harness.say(f"starting {processes} processes ...")
        stack.enter_context(_crowd(processes, sockets))
        probe = [*command, "probe", "--app", f"http://127.0.0.1:{port}"]
        probe += ["--port", str(own_port), "--interval-s", str(interval_s)]
        running = stack.enter_context(harness.server(probe, own_port, directory / "probe.log"))
        figures = _measure(running.pid, own_port, rounds, interval_s)
        seconds = _psutil_s()
    if seconds is not None:
        figures["psutil_look_ms"] = seconds * 1000
        figures["psutil_cpu_ratio"] = figures["psutil_look_ms"] / figures["look_ms"]
    harness.report("probe", figures, flags.json)


if __name__ == "__main__":
    main()
