"""Whether a master's memory stays flat under steady load: ``python -m benchmarks.soak``.

A real master process, simulated agents and one framework that launches at a steady rate tasks that
live for a second; every update is acknowledged. The master's resident memory is read every few
seconds, and after a warm-up (which ends no earlier than the compiled allocator is in use: loading
it takes 120 MB) it has to be flat: the median of the last third of the readings at most
``MAX_GROWTH`` above that of the middle third. A leak of 100 bytes a task is 6 MB a minute at
1,000/s, so even the short form sees one.

Where the machine stalls for seconds, what waits meanwhile makes one step in the memory, which the C
library keeps. So memory that was not flat is looked at again, for as long once more, at most
``MOST_LOOKS`` times in all: a step does not come again, a leak does. Printed, of the last look, are

``launches_per_s``     tasks launched, over the whole time
``rate_kept``          that, as a part of the rate asked for
``unacknowledged``     status updates sent by agents whose acknowledgement never came: 0
``completed_tasks``    what the master remembers of ended tasks: at most its setting
``looks``              how often memory was looked at until it was flat; 1 when nothing stalled
``rss_first_mb``       the median of the first third after the warm-up, and so on
``growth_percent``     from the middle third to the last
``slope_mb_per_h``     of the line through the readings of the last two thirds (least squares)

The default is the short form; ``--full`` runs 20 minutes at 1,000/s (``make soak``). Ends with 1
when memory is not flat or updates were lost, the long form also when the rate was not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
import urllib.request
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks import harness
from benchmarks.simulated.agents import CPUS, MEM_MB, Fleet
from benchmarks.simulated.framework import Framework, Offer
from orchestrator.master.adapters.allocating import LARGE
from orchestrator.master.adapters.operator_api import COMPILED

MAX_GROWTH = 0.02  # from the middle third to the last
NOISE_MB = 2.0  # below that, growth is the allocator of the C library
MOST_LOOKS = 3
MIN_KEPT_RATE = 0.95  # of the long form, which claims the rate; the short one judges memory
COMPLETED_TASKS = 1000  # the master's default for one framework
TASK_LIFE_S = 1.0
_TICK_S = 0.01
_SETTLE_S = 30.0
_COMPILING_S = 300.0
_FULL_S, _FULL_RATE = 20 * 60.0, 1000
_SHORT_S, _SHORT_RATE = 60.0, 500
_MASTER = ("-m", "orchestrator.cli.main", "master")


@dataclass(frozen=True)
class Plan:
    """What is run: ``rate`` launches a second, memory read ``every_s`` for ``seconds``."""

    seconds: float
    rate: int
    agents: int
    warm_up_s: float
    every_s: float


class Load:
    """Launches one task on each offer that comes, at a steady rate."""

    def __init__(self, framework: Framework, rate: int) -> None:
        self.launched = 0
        self._framework = framework
        self._rate = rate
        self._offers: deque[Offer] = deque()
        framework.on_offers = self._offers.extend

    async def run(self) -> None:
        """Keep the rate until cancelled."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            passed = loop.time() - began
            while self.launched < passed * self._rate and self._offers:
                task_id = f"soak.{self.launched:07}"
                self._framework.accept(self._offers.popleft(), [task_id], CPUS, MEM_MB)
                self.launched += 1
            await asyncio.sleep(_TICK_S)


async def _soak(plan: Plan) -> dict[str, float]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = harness.free_port()
        command = (*_MASTER, "--port", str(port), "--data-dir", str(directory / "master"))
        master = stack.enter_context(harness.server(command, port, directory / "master.log"))
        fleet = Fleet(port, plan.agents)
        fleet.task_life_s = TASK_LIFE_S
        await fleet.connect()
        stack.callback(fleet.close)
        framework = Framework(port)
        load = Load(framework, plan.rate)
        await framework.subscribe()
        began = time.perf_counter()
        running = asyncio.create_task(load.run())
        await _warm_up(port, plan)
        memory = await _watch_memory(master.pid, plan)
        running.cancel()
        seconds = time.perf_counter() - began
        unacknowledged = await _settle(fleet, load)
        completed = await asyncio.to_thread(_completed_tasks, port)
        return {
            "launches_per_s": load.launched / seconds,
            "unacknowledged": unacknowledged,
            "completed_tasks": completed,
            **memory,
        }


async def _warm_up(port: int, plan: Plan) -> None:
    """Run for a while, and until nothing more is to be loaded."""
    await asyncio.sleep(plan.warm_up_s)
    deadline = time.monotonic() + _COMPILING_S
    while plan.agents > LARGE and not await asyncio.to_thread(_is_compiled, port):
        if time.monotonic() > deadline:
            raise SystemExit(f"the allocator was not compiled within {_COMPILING_S:.0f} s")
        await asyncio.sleep(1.0)


async def _watch_memory(pid: int, plan: Plan) -> dict[str, float]:
    """Look at the memory until it is flat, but not for ever."""
    figures: dict[str, float] = {"looks": 0}
    while figures["looks"] < MOST_LOOKS:
        judged = _judge(await _read_memory(pid, plan), plan.every_s)
        figures = {**judged, "looks": figures["looks"] + 1}
        if _excess_mb(figures) <= 0:
            break
    return figures


async def _read_memory(pid: int, plan: Plan) -> list[float]:
    readings = []
    for _ in range(int(plan.seconds / plan.every_s)):
        await asyncio.sleep(plan.every_s)
        readings.append(harness.rss_mb(pid))
        harness.say(f"{readings[-1]:.1f} MB")
    return readings


async def _settle(fleet: Fleet, load: Load) -> int:
    """Wait for the last tasks; how many of their updates were not acknowledged."""
    expected = 2 * load.launched  # running, finished
    has_all = asyncio.Event()
    fleet.news = lambda: has_all.set() if fleet.acknowledged >= expected else None
    fleet.news()
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_S):
            await has_all.wait()
    return expected - fleet.acknowledged


def _completed_tasks(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=30) as answer:
        frameworks = json.load(answer)["frameworks"]
    return sum(len(framework["completed_tasks"]) for framework in frameworks)


def _is_compiled(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return f"{COMPILED} 1.0" in answer.read().decode()


def _judge(readings: list[float], every_s: float) -> dict[str, float]:
    third = len(readings) // 3
    first, middle = readings[:third], readings[third : 2 * third]
    last = readings[2 * third :]
    middle_mb, last_mb = harness.median(middle), harness.median(last)
    hours = [n * every_s / 3600 for n in range(len(middle) + len(last))]
    return {
        "rss_first_mb": harness.median(first),
        "rss_middle_mb": middle_mb,
        "rss_last_mb": last_mb,
        "growth_percent": 100 * (last_mb - middle_mb) / middle_mb,
        "slope_mb_per_h": statistics.linear_regression(hours, middle + last).slope,
    }


def _excess_mb(figures: dict[str, float]) -> float:
    """By how much memory grew more than it may."""
    growth_mb = figures["rss_last_mb"] - figures["rss_middle_mb"]
    return growth_mb - max(NOISE_MB, MAX_GROWTH * figures["rss_middle_mb"])


def _problems(figures: dict[str, float], *, must_keep_rate: bool) -> list[str]:
    """What is wrong with a run, in sentences."""
    problems = []
    if _excess_mb(figures) > 0:
        growth_mb = figures["rss_last_mb"] - figures["rss_middle_mb"]
        problems.append(f"the master's memory grew by {growth_mb:.1f} MB in a third of the time")
    if must_keep_rate and figures["rate_kept"] < MIN_KEPT_RATE:
        problems.append(f"only {figures['rate_kept']:.0%} of the rate was kept")
    if figures["unacknowledged"]:
        problems.append(f"{figures['unacknowledged']:.0f} updates were not acknowledged")
    if figures["completed_tasks"] > COMPLETED_TASKS:
        problems.append(f"the master remembers over {COMPLETED_TASKS} ended tasks")
    return problems


def main() -> None:
    """Run it, print the figures, and say what is wrong."""
    flags = harness.parser("Whether a master's memory stays flat under steady load.")
    flags.add_argument("--full", action="store_true", help="20 minutes at 1,000 launches/s")
    flags.add_argument("--seconds", type=float, help="how long memory is looked at")
    flags.add_argument("--rate", type=int, help="launches a second")
    chosen: argparse.Namespace = flags.parse_args()
    seconds = chosen.seconds or (_FULL_S if chosen.full else _SHORT_S)
    rate = chosen.rate or (_FULL_RATE if chosen.full else _SHORT_RATE)
    if chosen.quick:
        seconds, rate = min(seconds, 20.0), min(rate, 100)
    plan = Plan(seconds, rate, 3 * rate, min(60.0, seconds / 4), every_s=min(10.0, seconds / 50))
    harness.allow_many_sockets()
    gc.disable()  # pauses here would be taken for the master's
    figures = uvloop.run(_soak(plan))
    figures["rate_kept"] = figures["launches_per_s"] / rate
    harness.report("soak", figures, chosen.json)
    if problems := _problems(figures, must_keep_rate=chosen.full):
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
