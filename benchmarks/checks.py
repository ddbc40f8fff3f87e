"""What checking tasks costs an agent: ``python -m benchmarks.checks``.

Processor time, of everything but the task that is checked; medians of the rounds.

``http_us``       one HTTP check, from the core's order to its verdict
``tcp_us``        one TCP check
``command_us``    one command (``true``), with the process that starts it and its own
``core_us``       of these, what deciding takes: when, and what a result means (10,000 checks)
``curl_us``       one run of ``curl -sSLkg``, with which Mesos makes its HTTP checks
``curl_ratio``    how many HTTP checks one run of curl would pay for
``cpu_percent``   of one core, for 10,000 HTTP checks every 10 s
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import harness
from orchestrator.agent.adapters.checks.commands import Beside, HostCommands
from orchestrator.agent.adapters.checks.prober import Place, Prober
from orchestrator.agent.core.checking.checks import Checks
from orchestrator.agent.core.checking.probe import CommandExited, HttpAnswered, TcpTried
from orchestrator.agent.core.checking.results import Health
from orchestrator.agent.core.messages import Event, Probed
from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos.types import CommandInfo, HealthCheck, HTTPCheck, TCPCheck

_ROUNDS = 5
_CHECKS = 2_000
_COMMANDS = 300
_RUNS = 50
_IN_TURN = 50  # begun together, as an agent's checks are spread over time
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
    loop = asyncio.get_running_loop()
    await (await loop.create_server(Answer, "127.0.0.1", int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""
_GOOD = (HttpAnswered(status_code=200), TcpTried(succeeded=True), CommandExited(code=0))


class Bench:
    """A prober and the checks that it makes, without the rest of an agent."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._commands = HostCommands(self._beside)
        self._prober = Prober(
            {Containerizer.MESOS: self._commands}, find=self._find, tell=self._take
        )
        self._checks = Checks()
        self._left = 0
        self._is_done = asyncio.Event()

    async def run(self, check: HealthCheck, count: int) -> float:
        """Make each of so many checks once; give the CPU seconds of one."""
        self._checks = Checks()
        before = _cpu_s()
        for first in range(0, count, _IN_TURN):
            numbers = range(first, min(first + _IN_TURN, count))
            self._left = len(numbers)
            self._is_done.clear()
            for number in numbers:
                self._checks.begin_health_check(
                    f"c{number}", check, started_at=0.0, last=Health(), now=0.0
                )
            for probe in self._checks.wake(0.0):
                self._prober.begin(probe)
            await self._is_done.wait()
        await self._commands.close()  # so that its children's time is known
        return (_cpu_s() - before) / count

    async def close(self) -> None:
        """End everything."""
        await self._prober.close()

    def _take(self, event: Event) -> None:
        if not isinstance(event, Probed) or event.outcome not in _GOOD:
            raise SystemExit(f"a check went wrong: {event}")
        self._checks.judge(event.container_id, event.purpose, event.number, event.outcome, 0.0)
        self._left -= 1
        if not self._left:
            self._is_done.set()

    def _find(self, container_id: str) -> Place:
        container = Container(
            id=container_id,
            containerizer=Containerizer.MESOS,
            framework_id="f",
            framework_user="",
            agent_id="a",
            executor_id="e",
        )
        return Place(container, os.getpid())

    async def _beside(self, _: Container, command: CommandInfo) -> Beside:
        return Beside(["/bin/sh", "-c", command.value or ""], dict(os.environ), self._directory)


def core_s(count: int = 10_000) -> float:
    """The CPU seconds that deciding on one check takes."""
    checks = Checks()
    check = _http(80)
    for number in range(count):
        checks.begin_health_check(
            f"c{number}", check, started_at=number / 1000, last=Health(), now=0.0
        )
    before = time.process_time()
    for probe in checks.wake(1e6):
        checks.judge(probe.container_id, probe.purpose, probe.number, _GOOD[0], 1e6)
    return (time.process_time() - before) / count


def curl_s(port: int) -> float:
    """The CPU seconds of one run of curl."""
    words = ["curl", "-sSLkg", "-w", "%{http_code}", "-o", os.devnull, f"http://127.0.0.1:{port}/"]
    before = _children_s()
    for _ in range(_RUNS):
        subprocess.run(words, check=True, capture_output=True)
    return (_children_s() - before) / _RUNS


def _http(port: int) -> HealthCheck:
    return HealthCheck(type="HTTP", http=HTTPCheck(port=port), delay_seconds=0)


def _cpu_s() -> float:
    return time.process_time() + _children_s()


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _served() -> Iterator[int]:
    port = harness.free_port()
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(port)])
    try:
        while not _answers(port):
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


async def _round(directory: Path, port: int, *, is_quick: bool) -> dict[str, float]:
    count, commands = (100, 10) if is_quick else (_CHECKS, _COMMANDS)
    tcp = HealthCheck(type="TCP", tcp=TCPCheck(port=port), delay_seconds=0)
    command = HealthCheck(type="COMMAND", command=CommandInfo(value="true"), delay_seconds=0)
    bench = Bench(directory)
    found = {
        "http_us": await bench.run(_http(port), count),
        "tcp_us": await bench.run(tcp, count),
        "command_us": await bench.run(command, commands),
        "core_us": core_s(),
        "curl_us": curl_s(port),
    }
    await bench.close()
    return {name: seconds * 1e6 for name, seconds in found.items()}


def main() -> None:
    """Run the rounds and print the figures."""
    arguments = harness.parser("What checking tasks costs an agent.").parse_args()
    rounds = []
    with _served() as port, tempfile.TemporaryDirectory() as directory:
        for number in range(1 if arguments.quick else _ROUNDS):
            rounds.append(asyncio.run(_round(Path(directory), port, is_quick=arguments.quick)))
            harness.say(f"round {number + 1}: HTTP {rounds[-1]['http_us']:.0f} us")
    figures = {name: harness.median([one[name] for one in rounds]) for name in rounds[0]}
    ratios = [one["curl_us"] / one["http_us"] for one in rounds]
    figures["curl_ratio"] = harness.median(ratios)
    figures["cpu_percent"] = figures["http_us"] / 1e6 * 1000 * 100
    harness.report("checks", figures, arguments.json)


if __name__ == "__main__":
    main()
