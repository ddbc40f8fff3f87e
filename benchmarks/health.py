"""What checking tasks costs Marathon: ``python -m benchmarks.health``.

Processor time of this process, not of the servers that are checked; medians of the rounds.

``http_us``      one HTTP check, from the core's order to its verdict
``tcp_us``       one TCP check
``core_us``      of these, what deciding takes: when, and what a result means
``connect_us``   the baseline: asyncio connects and closes, and does nothing else
``http_per_s``   HTTP checks made in a second, one process
``cpu_percent``  of one core, for 10,000 HTTP checks every 10 s
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from benchmarks import harness
from orchestrator.marathon.adapters.probing.prober import Prober
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import CreateApp, Effect, Request
from orchestrator.marathon.core.health.probes import HttpAnswer, HttpRequest, Probe, Probed
from orchestrator.marathon.core.instance import Instance, Place
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.marathon.core.settings import Settings
from orchestrator.runtime.machine import Save

_INTERVAL_S = 10
_APPS = 10
_AT_ONCE = 256
_SERVER = """
import asyncio, sys
class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        text = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok"
        self.transport.write(text)
        self.transport.close()
async def main():
    port = int(sys.argv[1])
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()
asyncio.run(main())
"""


class Bench:
    """Marathon's core with instances that run, and a clock turned by hand."""

    def __init__(self, count: int, protocol: str, port: int) -> None:
        names = itertools.count()
        self.now = 1_700_000_000.0
        self.core = Marathon(Settings(user="nobody"), lambda: f"id-{next(names)}")
        check = {"protocol": protocol, "port": port, "intervalSeconds": _INTERVAL_S}
        for number in range(_APPS):
            fields = {"id": f"/app-{number}", "cmd": "x", "instances": 0, "healthChecks": [check]}
            create = CreateApp(msgspec.convert(fields, AppUpdate))
            self.core.handle(Request(number, create), self.now)
            app = self.core.state.apps[f"/app-{number}"]
            wanted = msgspec.structs.replace(app, instances=count // _APPS)
            self.core.state.put_spec(wanted)
            for _ in range(count // _APPS):
                instance = Instance.scheduled(app, f"{next(names)}", self.now)
                self.core.state.put(_running(instance, self.now))
        self.core.handle(Request(-1, create), self.now)  # refused, but what runs is looked at

    def round(self) -> Iterator[Probe]:
        """Every check once."""
        end = self.now + _INTERVAL_S
        while (due := self.core.wake_at()) is not None and due <= end:
            self.now = max(self.now, due)
            yield from _probes(self.core.wake(self.now))
        self.now = end

    def judge(self, probed: Probed) -> None:
        """One result."""
        if isinstance(probed.answer, HttpAnswer) and probed.answer.status != 200:
            raise SystemExit(f"a check went wrong: {probed}")
        self.core.handle(probed, self.now)


def _running(instance: Instance, now: float) -> Instance:
    return msgspec.structs.replace(
        instance,
        condition=Condition.RUNNING,
        place=Place(host="127.0.0.1", agent_id="a"),
        started_at=now,
        host_ports=[31000],
    )


def _probes(effects: object) -> Iterator[Probe]:
    assert isinstance(effects, list)
    found: list[Save | Effect] = effects
    return (effect for effect in found if isinstance(effect, Probe))


async def whole(count: int, protocol: str, port: int) -> tuple[float, float]:
    """CPU seconds and seconds of one check, with everything that belongs to it."""
    bench = Bench(count, protocol, port)
    left, is_done = 0, asyncio.Event()

    def take(probed: Probed) -> None:
        nonlocal left
        bench.judge(probed)
        left -= 1
        if not left:
            is_done.set()

    async with Prober(take, _AT_ONCE) as prober:
        for probe in bench.round():  # the first results change the instances
            bench.judge(Probed(probe.key, HttpAnswer(200)))
        begun, before = time.perf_counter(), _cpu_s()
        probes = list(bench.round())
        left = len(probes)
        for probe in probes:
            prober.begin(probe)
        await is_done.wait()
        return (_cpu_s() - before) / len(probes), (time.perf_counter() - begun) / len(probes)


def core_s(count: int, port: int) -> float:
    """CPU seconds of the decisions on one check."""
    bench = Bench(count, "HTTP", port)
    for probe in bench.round():
        bench.judge(Probed(probe.key, HttpAnswer(200)))
    before, made = _cpu_s(), 0
    for probe in bench.round():
        assert isinstance(probe.request, HttpRequest)
        bench.judge(Probed(probe.key, HttpAnswer(200)))
        made += 1
    return (_cpu_s() - before) / made


async def connect_s(count: int, port: int) -> float:
    """CPU seconds of a bare connection."""

    async def connect() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.abort()

    before = _cpu_s()
    for _ in range(count // _AT_ONCE):
        await asyncio.gather(*(connect() for _ in range(_AT_ONCE)))
    return (_cpu_s() - before) / (count // _AT_ONCE * _AT_ONCE)


def measure(count: int, rounds: int) -> harness.Figures:
    """All figures."""
    harness.allow_many_sockets()
    names = ("http", "tcp", "core", "connect", "seconds")
    found: dict[str, list[float]] = {name: [] for name in names}
    with _serving() as port:
        for number in range(rounds):
            harness.say(f"round {number + 1} of {rounds}")
            http_s, seconds = asyncio.run(whole(count, "HTTP", port))
            found["http"].append(http_s)
            found["seconds"].append(seconds)
            found["tcp"].append(asyncio.run(whole(count, "TCP", port))[0])
            found["core"].append(core_s(count, port))
            found["connect"].append(asyncio.run(connect_s(count, port)))
    middle = {name: harness.median(values) for name, values in found.items()}
    figures = {f"{name}_us": middle[name] * 1e6 for name in names if name != "seconds"}
    figures["http_per_s"] = 1 / middle["seconds"]
    figures["cpu_percent"] = middle["http"] * 10_000 / _INTERVAL_S * 100
    return figures


@contextmanager
def _serving() -> Iterator[int]:
    port = harness.free_port()
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(port)])
    try:
        asyncio.run(_until_served(port))
        yield port
    finally:
        process.terminate()
        process.wait()


async def _until_served(port: int) -> None:
    while True:
        with suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.01)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run it."""
    flags = harness.parser(__doc__ or "").parse_args()
    figures = measure(1_000, 1) if flags.quick else measure(10_000, 3)
    harness.report("health", figures, flags.json)


if __name__ == "__main__":
    main()
