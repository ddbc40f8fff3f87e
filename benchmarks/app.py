"""What the monitoring app costs: ``python -m benchmarks.app``.

1,000 simulated probes report every 15 s: 10,000 containers, 50,000 processes, 100,000 connections,
100,000 series of which an hour is in memory; one client watches the containers over a WebSocket.
With ``--churn 0.02``, 2 % of containers and processes are others in each report. With
``--minutes 30`` reports go on for so long, and what the app's memory is is said every minute.

``cpu_percent``      of one core, of the app, over the reports of a minute
``stub_cpu_percent`` of a server that only reads the same bodies and answers, in the same run
``rss_mb``           of the app at the end
``rss_mb_per_hour``  its growth over the second half of ``--minutes``
``tick_kb``          the frame of a tick in which every metric of every container changed
``steady_tick_kb``   the mean frame when the reports come evenly
``scope_tick_kb``    the same tick as whole node summaries in JSON, as Weave Scope sends it
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import numpy as np
from msgspec.structs import replace

from benchmarks import harness
from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history.ring import HOUR_SLOTS, Cells, Ring, slot_at
from orchestrator.monitoring.app.history.segments import CHUNK, write
from orchestrator.monitoring.app.history.series_log import SeriesLog
from orchestrator.monitoring.app.watching import Watching
from orchestrator.monitoring.render.mirror import Mirror
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.views import VIEWS
from orchestrator.monitoring.report import Connection, Node, Report, codec, paths

_INTERVAL_S = 15.0
_CONTAINERS, _PROCESSES, _CONNECTIONS = 10, 50, 100
_METRICS = ("cpu_percent", "memory_bytes", "memory_limit_bytes",
            "network_received_bytes_per_s", "network_sent_bytes_per_s")  # fmt: skip
_SENDERS = 32
_STUB = """
import asyncio
from orchestrator.runtime.http import serve, read_body
async def answer(scope, receive, send):
    if scope["type"] == "http":
        await read_body(receive)
        await send({{"type": "http.response.start", "status": 202, "headers": []}})
        await send({{"type": "http.response.body", "body": b""}})
async def main():
    async with serve(answer, "127.0.0.1", {port}):
        await asyncio.Event().wait()
asyncio.run(main())
"""


class Fleet(NamedTuple):
    """The probes. ``churn`` is the share of containers and processes that are others in each
    report."""

    hosts: int
    random: random.Random
    started_at: float
    churn: float = 0.0

    def life(self, number: int, place: float) -> int:
        """How many have been in a place (0 to 1, of all) before, as of report ``number``."""
        return int(number * self.churn + place)


def _address(host: int) -> str:
    return f";10.{host // 62500}.{host // 250 % 250}.{host % 250 + 1}"


def _report(fleet: Fleet, host: int, number: int) -> Report:
    """Containers talk to two services each, some on other hosts; all hosts have the same images."""
    name, draw = f"host{host:04}", fleet.random.random
    pids = [1000 + n + 1000 * fleet.life(number, n / _PROCESSES) for n in range(_PROCESSES)]
    containers = [
        Node(
            id=f"{name}-container{n:02}-{fleet.life(number, n / _CONTAINERS):016x}",
            label=f"service{(host * _CONTAINERS + n) % 200}",
            latest={"state": "running", "image": f"registry/service{n}:1", "started_at": "1"},
            metrics={metric: draw() * 1e6 for metric in _METRICS},
            parents={"host": [name]},
            labels={"com.docker.compose.project": f"project{host % 100}"},
            controls=["stop", "restart", "logs", "exec"],
        )
        for n in range(_CONTAINERS)
    ]
    processes = [
        Node(
            id=f"{name};{pids[n]}",
            label="python3",
            latest={"command": f"python3 -m service.worker --n {n}", "pid": str(pids[n])},
            metrics={"cpu_percent": draw() * 100},
            parents={"host": [name], "container": [containers[n % _CONTAINERS].id]},
        )
        for n in range(_PROCESSES)
    ]
    listeners = [
        Node(id=f"{_address(host)};{8000 + n}", parents={"process": [processes[n].id]})
        for n in range(_CONTAINERS)
    ]
    connections = [
        Connection(
            source=f"{_address(host)};{30000 + n}",
            target=f"{_address((host + n % 2 * 7 + n % 3) % fleet.hosts)};{8000 + n % 10}",
            source_process=processes[n % _PROCESSES].id,
            bytes_sent=int(number * 1000 * draw()),
            rtt_ms=draw(),
        )
        for n in range(_CONNECTIONS)
    ]
    images = [
        Node(f"registry/service{n}:1", f"registry/service{n}", {"size": "123456789"})
        for n in range(_CONTAINERS)
    ]
    machine = Node(
        id=name, addresses=[_address(host)], metrics={"cpu_percent": draw() * 400, "load_1m": 1.0}
    )
    return Report(
        version=1,
        agent_id=name,
        instance="benchmark",
        instance_started_at=fleet.started_at,
        number=number,
        taken_at=time.time(),
        host_id=name,
        nodes={"host": [machine], "container": containers, "process": processes,
               "endpoint": listeners, "image": images},
        connections=connections,
    )  # fmt: skip


def _write_history(fleet: Fleet, directory: Path) -> None:
    """An hour of series, as an app before would have left it."""
    ring, now = Ring(200_000), slot_at(time.time())
    rng = np.random.default_rng(1)
    for host in range(fleet.hosts):
        for topology, nodes in _report(fleet, host, 1).nodes.items():
            for node in nodes:
                if node.metrics:
                    walk = rng.normal(100, 10, (len(node.metrics), 250)).astype(np.float32)
                    cells = Cells(now - 249, walk.view(np.uint32) ^ np.uint32(0x7FC00000))
                    ring.restore(topology, node.id, tuple(node.metrics), cells)
    hour, blocks = now // HOUR_SLOTS, ring.all_blocks()
    first = (hour - 1) * HOUR_SLOTS
    columns = [(begin + n, ("",)) for begin, _, _, names in blocks for n in range(len(names))]
    directory.mkdir(parents=True)
    write(
        directory / f"series-{hour - 1}.seg",
        first,
        HOUR_SLOTS,
        [(topology, id, names) for _, topology, id, names in blocks],
        (
            ring.cells_of(columns[at : at + CHUNK], first, first + HOUR_SLOTS - 1)
            for at in range(0, len(columns), CHUNK)
        ),
    )
    log = SeriesLog(directory / f"series-{hour}.log")
    for slot in range(hour * HOUR_SLOTS, now):
        log.append(ring, slot)
    log.close()


async def _send(session: aiohttp.ClientSession, url: str, data: bytes) -> None:
    headers = {"Content-Type": codec.MSGPACK}
    async with session.post(url + paths.REPORTS, data=data, headers=headers) as response:
        text = await response.text()  # what is not read costs its connection
        if response.status != 202:
            raise RuntimeError(text)


async def _round(
    fleet: Fleet, number: int, url: str, session: aiohttp.ClientSession, spread_s: float
) -> None:
    """One report of every probe, evenly over some seconds."""
    began = time.monotonic()
    for host in range(0, fleet.hosts, _SENDERS):
        due = began + spread_s * host / fleet.hosts
        await asyncio.sleep(max(due - time.monotonic(), 0))
        batch = range(host, min(host + _SENDERS, fleet.hosts))
        encoded = [codec.encode(_report(fleet, one, number)) for one in batch]
        await asyncio.gather(*(_send(session, url, data) for data in encoded))
    await asyncio.sleep(max(began + spread_s - time.monotonic(), 0))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@asynccontextmanager
async def _watching(session: aiohttp.ClientSession, url: str) -> AsyncIterator[list[int]]:
    """Sizes of the frames that a client of the containers gets."""
    sizes: list[int] = []

    async def watch() -> None:
        mirror = Mirror()
        async with session.ws_connect(url + "/api/v1/ws?view=containers", max_msg_size=0) as socket:
            async for message in socket:
                mirror.apply(message.data)
                sizes.append(len(message.data))

    task = asyncio.create_task(watch())
    try:
        yield sizes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _measure(fleet: Fleet, rounds: int, url: str, pid: int) -> dict[str, float]:
    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        harness.say("every probe reports for the first time ...")
        await _round(fleet, 1, url, session, 0.0)
        async with _watching(session, url) as sizes:
            await _round(fleet, 2, url, session, _INTERVAL_S)
            harness.say("measuring ...")
            before, began, seen = _cpu_s(pid), time.monotonic(), len(sizes)
            for number in range(rounds):
                await _round(fleet, 3 + number, url, session, _INTERVAL_S)
            cpu = (_cpu_s(pid) - before) / (time.monotonic() - began) * 100
            steady = sizes[seen:]
            rss = _rss_mb(pid)
        async with session.get(url + "/api/v1/views/containers") as response:
            nodes = (await response.json())["nodes"]
    return {
        "cpu_percent": cpu,
        "rss_mb": rss,
        "steady_tick_kb": sum(steady) / max(len(steady), 1) / 1000,
        "scope_tick_kb": len(msgspec.json.encode(nodes)) / 1000,
    }


async def _soak(fleet: Fleet, minutes: int, url: str, pid: int) -> dict[str, float]:
    """Report for so long, watched."""
    sizes = []
    async with aiohttp.ClientSession() as session, _watching(session, url):
        await _round(fleet, 1, url, session, _INTERVAL_S)
        before, began = _cpu_s(pid), time.monotonic()
        for minute in range(minutes):
            for number in range(4 * minute, 4 * minute + 4):
                await _round(fleet, 2 + number, url, session, _INTERVAL_S)
            sizes.append(_rss_mb(pid))
            harness.say(f"minute {minute + 1}: {sizes[-1]:.1f} MB")
        cpu = (_cpu_s(pid) - before) / (time.monotonic() - began) * 100
    half = sizes[(minutes - 1) // 2 :]
    grown = (half[-1] - half[0]) / max(len(half) - 1, 1) * 60
    return {"cpu_percent": cpu, "rss_mb": sizes[-1], "rss_mb_per_hour": grown}


async def _stub_cpu_percent(fleet: Fleet, url: str, pid: int) -> float:
    async with aiohttp.ClientSession() as session:
        await _round(fleet, 1, url, session, 0.0)
        before, began = _cpu_s(pid), time.monotonic()
        await _round(fleet, 2, url, session, _INTERVAL_S)
        return (_cpu_s(pid) - before) / (time.monotonic() - began) * 100


def _full_tick_kb(fleet: Fleet) -> float:
    """All probes report between two ticks."""
    picture, counts = Picture(), Counts()
    watching = Watching(picture, counts, 1)
    for number in (1, 2, 3):
        for host in range(fleet.hosts):
            said = _report(fleet, host, number)
            picture.put(replace(said, taken_at=fleet.started_at + 15.0 * number))
        watching.channel(VIEWS["containers"], (), 0.0)
        before = counts.frame_bytes
        watching.tick(float(number))
    return (counts.frame_bytes - before) / 1000


def main() -> None:
    """Measure and print."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--churn", type=float, default=0.0, help="share that is new in each report")
    parser.add_argument("--minutes", type=int, default=0, help="report for so long")
    flags = parser.parse_args()
    hosts, rounds = (50, 1) if flags.quick else (1000, 4)
    fleet = Fleet(hosts, random.Random(1), time.time(), flags.churn)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as name:
        directory = Path(name)
        port = harness.free_port()
        with harness.server(["-c", _STUB.format(port=port)], port, directory / "stub.log") as stub:
            url = f"http://127.0.0.1:{port}"
            stub_cpu = asyncio.run(_stub_cpu_percent(fleet, url, stub.pid))
        harness.say("writing an hour of history ...")
        _write_history(fleet, directory / "data" / "history")
        port = harness.free_port()
        command = ["-m", "orchestrator.cli.main", "app", "--port", str(port)]
        command += ["--data-dir", str(directory / "data")]
        with harness.server(command, port, directory / "app.log") as app:
            url = f"http://127.0.0.1:{port}"
            measured = (
                _soak(fleet, flags.minutes, url, app.pid)
                if flags.minutes > 0
                else _measure(fleet, rounds, url, app.pid)
            )
            figures = asyncio.run(measured)
    figures["stub_cpu_percent"] = stub_cpu
    figures["tick_kb"] = _full_tick_kb(fleet)
    harness.report("app", figures, flags.json)


if __name__ == "__main__":
    main()
