"""How fast a master launches tasks: ``python -m benchmarks.launch``.

A real master process, thousands of simulated agents on its link and one framework, all updates
acknowledged. Printed are

``launches_per_s``            tasks from ACCEPT to the acknowledgement of TASK_RUNNING at the agent,
                              ten a call, as fast as the master goes; the median of the rounds
``stub_launches_per_s``       the same bytes through a stub of the same HTTP and WebSocket stack
                              that decides nothing, its rounds between those of the master
``ratio_to_stub``             the median of the rounds' ratios
``accept_to_running_p95_ms``  from the ACCEPT of a task to its TASK_RUNNING at the framework,
                              at a steady pace of 1,000 tasks/s that each run for a second
``offer_latency_p95_ms``      from the TASK_FINISHED an agent sends to the offer of what it frees
``master_rss_mb``             the master's memory with every task of a round running
                              (50,000 with 5,000 agents)
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path

import msgspec
import uvloop

from benchmarks import harness
from benchmarks.simulated.agents import CPUS, MEM_MB, Fleet
from benchmarks.simulated.framework import Framework, Offer, Status
from benchmarks.simulated.stub import Recording

TASKS_AN_ACCEPT = 10
MAX_LAUNCHING = 4000  # tasks accepted and not yet acknowledged; bounds the queues on both sides
PACE_PER_S = 1000
TICK_S = 0.01
TASK_LIFE_S = 1.0
_ROUND_S = 300.0  # a round that takes longer has lost something
_OFFERS_S = 60.0
_MASTER = ("-m", "orchestrator.cli.main", "master")


class Round:
    """Launches tasks on every offer, as fast as they are acknowledged."""

    def __init__(self, fleet: Fleet, framework: Framework, offers: list[Offer]) -> None:
        self._fleet = fleet
        self._framework = framework
        self._offers = deque(offers)
        self._acknowledged_before = fleet.acknowledged
        self._launched = 0
        self._wanted = len(offers) * TASKS_AN_ACCEPT
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> float:
        """Return launches per second."""
        self._fleet.news = self._go_on
        began = time.perf_counter()
        self._go_on()
        try:
            async with asyncio.timeout(_ROUND_S):
                await self._done
        except TimeoutError:
            raise SystemExit(
                f"of {self._launched} tasks launched only {self._acknowledged} were acknowledged"
            ) from None
        finally:
            self._fleet.news = lambda: None
        return self._wanted / (time.perf_counter() - began)

    @property
    def _acknowledged(self) -> int:
        return self._fleet.acknowledged - self._acknowledged_before

    def _go_on(self) -> None:
        while self._offers and self._launched - self._acknowledged < MAX_LAUNCHING:
            offer = self._offers.popleft()
            number = self._launched
            ids = [f"load.{number + n:06}" for n in range(TASKS_AN_ACCEPT)]
            self._framework.accept(offer, ids, CPUS / TASKS_AN_ACCEPT, MEM_MB / TASKS_AN_ACCEPT)
            self._launched += TASKS_AN_ACCEPT
        if self._acknowledged >= self._wanted and not self._done.done():
            self._done.set_result(None)


class Pace:
    """Launches one task on each offer, so many a second, and measures how long things take."""

    def __init__(
        self, fleet: Fleet, framework: Framework, per_s: float, offers: list[Offer]
    ) -> None:
        self._fleet = fleet
        self._framework = framework
        self._per_s = per_s
        self._offers = deque(offers)
        self._accepted_at: dict[str, float] = {}
        self.to_running_ms: list[float] = []
        self.to_offer_ms: list[float] = []
        framework.on_offers = self._on_offers
        framework.on_status = self._on_status

    async def run(self, seconds: float) -> None:
        """Keep the pace for so long, then let the last tasks end."""
        self._fleet.task_life_s = TASK_LIFE_S
        loop = asyncio.get_running_loop()
        began = loop.time()
        launched = 0
        while (passed := loop.time() - began) < seconds:
            while launched < passed * self._per_s and self._offers:
                self._launch(self._offers.popleft(), launched)
                launched += 1
            await asyncio.sleep(TICK_S)
        if launched < 0.95 * seconds * self._per_s:
            harness.say(f"the pace was not kept: {launched / seconds:.0f}/s")
        await asyncio.sleep(TASK_LIFE_S * 2)
        self._fleet.task_life_s = None

    def _on_offers(self, offers: list[Offer]) -> None:
        """Note how long after the end of its agent's task each offer comes."""
        now = time.perf_counter()
        for offer in offers:
            ended_at = self._fleet.ended_at.pop(offer.agent_id.value, None)
            if ended_at is not None:
                self.to_offer_ms.append((now - ended_at) * 1000)
        self._offers.extend(offers)

    def _launch(self, offer: Offer, number: int) -> None:
        task_id = f"paced.{number:06}"
        self._accepted_at[task_id] = time.perf_counter()
        self._framework.accept(offer, [task_id], CPUS, MEM_MB)

    def _on_status(self, status: Status) -> None:
        if status.state == "TASK_RUNNING":
            accepted_at = self._accepted_at.pop(status.task_id.value)
            self.to_running_ms.append((time.perf_counter() - accepted_at) * 1000)


class Benchmark:
    """The whole run, step by step."""

    def __init__(self, agents: int, rounds: int, seconds: float) -> None:
        self._agents = agents
        self._rounds = rounds
        self._seconds = seconds
        self._stack = ExitStack()
        self._directory = Path()

    async def run(self) -> dict[str, float]:
        """Measure everything; return the figures."""
        with self._stack as stack:
            self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            return await self._run()

    async def _run(self) -> dict[str, float]:
        master_pid, fleet = await self._start_master()
        paced = await self._pace(fleet)
        fleet.first_run = fleet.first_acknowledgement = None
        rates, stub_rates, rss_mb, cpu_us = [], [], 0.0, []
        stub_fleet: Fleet | None = None
        for number in range(self._rounds):
            used_s = harness.cpu_s(master_pid)
            framework, offers = await _subscribe(fleet)
            rates.append(await Round(fleet, framework, offers).run())
            cpu_us.append((harness.cpu_s(master_pid) - used_s) * 1e6 / self._agents / 10)
            rss_mb = rss_mb or harness.rss_mb(master_pid)
            stub_fleet = stub_fleet or await self._start_stub(_record(fleet, framework))
            await framework.teardown()
            stub_rates.append(await _stub_round(stub_fleet))
            harness.say(f"round {number + 1}: {rates[-1]:.0f}/s, stub {stub_rates[-1]:.0f}/s")
        ratios = [rate / stub for rate, stub in zip(rates, stub_rates, strict=True)]
        return {
            "launches_per_s": harness.median(rates),
            "stub_launches_per_s": harness.median(stub_rates),
            "ratio_to_stub": harness.median(ratios),
            "accept_to_running_p95_ms": harness.percentile(paced.to_running_ms, 95),
            "offer_latency_p95_ms": harness.percentile(paced.to_offer_ms, 95),
            "master_rss_mb": rss_mb,
            "master_cpu_us_per_launch": harness.median(cpu_us),
        }

    async def _start_master(self) -> tuple[int, Fleet]:
        port = harness.free_port()
        data_dir = str(self._directory / "master")
        command = (*_MASTER, "--port", str(port), "--data-dir", data_dir)
        process = self._stack.enter_context(
            harness.server(command, port, self._directory / "master.log")
        )
        return process.pid, await self._connect(port, "the master")

    async def _start_stub(self, recording: Recording) -> Fleet:
        port = harness.free_port()
        file = self._directory / "recording.json"
        file.write_bytes(msgspec.json.encode(recording))
        command = ("-m", "benchmarks.simulated.stub", str(port), str(file))
        self._stack.enter_context(harness.server(command, port, self._directory / "stub.log"))
        return await self._connect(port, "the stub")

    async def _connect(self, port: int, name: str) -> Fleet:
        fleet = Fleet(port, self._agents)
        began = time.perf_counter()
        await fleet.connect()
        self._stack.callback(fleet.close)
        seconds = time.perf_counter() - began
        harness.say(f"{self._agents} agents registered with {name} in {seconds:.1f} s")
        return fleet

    async def _pace(self, fleet: Fleet) -> Pace:
        framework, offers = await _subscribe(fleet)
        pace = Pace(fleet, framework, min(PACE_PER_S, self._agents // 3), offers)
        await pace.run(self._seconds)
        await framework.teardown()
        return pace


async def _subscribe(fleet: Fleet) -> tuple[Framework, list[Offer]]:
    """A framework that has an offer of every agent."""
    framework = Framework(fleet.port)
    by_agent: dict[str, Offer] = {}
    has_all = asyncio.Event()

    def collect(offers: list[Offer]) -> None:
        by_agent.update({offer.agent_id.value: offer for offer in offers})
        if len(by_agent) == fleet.size:
            has_all.set()

    framework.on_offers = collect
    await framework.subscribe()
    try:
        async with asyncio.timeout(_OFFERS_S):
            await has_all.wait()
    except TimeoutError:
        raise SystemExit(f"offers of only {len(by_agent)} of {fleet.size} agents came") from None
    return framework, list(by_agent.values())


async def _stub_round(fleet: Fleet) -> float:
    framework = Framework(fleet.port)
    await framework.subscribe()
    offer_id = "00000000-0000-0000-0000-000000000000-O1000"
    offers = [
        msgspec.convert({"id": {"value": offer_id}, "agent_id": {"value": agent.id}}, Offer)
        for agent in fleet.agents
    ]
    rate = await Round(fleet, framework, offers).run()
    framework.close()
    return rate


def _record(fleet: Fleet, framework: Framework) -> Recording:
    assert fleet.first_run and fleet.first_acknowledgement and framework.first_update
    (message, *_) = msgspec.json.decode(fleet.first_acknowledgement, type=list[msgspec.Raw])
    return Recording(
        run=fleet.first_run,
        update=framework.first_update,
        acknowledgement=bytes(message),
        tasks_an_accept=TASKS_AN_ACCEPT,
    )


def main() -> None:
    """Run it and print the figures."""
    flags = harness.parser("How fast a master launches tasks.")
    flags.add_argument("--agents", type=int, default=5000, help="simulated agents")
    flags.add_argument("--seconds", type=float, default=10.0, help="length of the paced part")
    flags.add_argument("--rounds", type=int, default=5, help="rounds at full speed")
    chosen: argparse.Namespace = flags.parse_args()
    if chosen.quick:
        chosen.agents, chosen.seconds, chosen.rounds = min(chosen.agents, 50), 2.0, 2
    most = harness.allow_many_sockets() // 2 - 100
    if chosen.agents > most:
        raise SystemExit(f"the limit of open files allows {most} agents (see ulimit -Hn)")
    gc.disable()  # pauses here would be taken for the master's
    benchmark = Benchmark(chosen.agents, chosen.rounds, chosen.seconds)
    harness.report("launch", uvloop.run(benchmark.run()), chosen.json)


if __name__ == "__main__":
    main()
