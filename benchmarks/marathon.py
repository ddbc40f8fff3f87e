"""How fast Marathon deploys and answers: ``python -m benchmarks.marathon``.

A real master process, a real Marathon process, simulated agents whose tasks start at once. Printed
are

``deploy_500_s``       one app of 500 instances, from POST to deployment_success; the median of the
                       rounds (Marathon's own load tests needed 14 s)
``stub_500_s``         the same 500 tasks launched on the same master by a framework that decides
                       and saves nothing, its rounds between those of Marathon
``ratio_to_stub``      the median of the rounds' ratios
``scale_5000_s``       an app of one instance scaled to 5,000, from PUT to deployment_success
``replace_500_s``      an app of 500 instances updated, so that each is replaced by a new one
``replace_2000_s``     the same with 2,000 instances
``create_apps_s``      5,000 apps of one instance, sent in ten requests, until all of them run
``list_apps_ms``       GET /v2/apps with all of them, one having changed just before; the median
``page_ms``            a page of a hundred of them (``limit``, ``offset``), likewise
``list_unchanged_ms``  the whole list asked for again with its ETag, nothing having changed
``list_tasks_ms``      GET /v2/tasks
``rss_mb``             Marathon's memory at the end
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks import harness
from benchmarks.simulated.agents import Fleet
from benchmarks.simulated.framework import Framework, Offer, Status

DEPLOYED = 500
REPLACED = (500, 2000)
PAGE = 100
CPUS, MEM_MB = 0.05, 32
_BATCHES = 10
_PATIENCE_S = 60.0
_LISTS = 9
_SUCCESS = b"event: deployment_success"


class Api:
    """A client of Marathon that also hears of every deployment's success."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._successes: asyncio.Queue[None] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int) -> AsyncIterator[Api]:
        """Listen, and stop in the end."""
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            api = cls(session)
            is_listening = asyncio.Event()
            listener = asyncio.create_task(api._listen(is_listening))
            try:
                await is_listening.wait()
                yield api
            finally:
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)

    async def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[bytes, str]:
        """The body and the ETag of an answer that must be no error."""
        request = self._session.request(method, path, json=body, headers=headers)
        async with request as response:
            content = await response.read()
            if response.status >= 400:
                raise SystemExit(f"{method} {path}: {response.status} {content[:500]!r}")
            return content, response.headers.get("ETag", "")

    async def deploy(self, method: str, path: str, body: Any = None) -> float:
        """Seconds from a change to the success of its deployment."""
        while not self._successes.empty():
            self._successes.get_nowait()
        began = time.perf_counter()
        await self.call(method, path, body)
        async with asyncio.timeout(_PATIENCE_S):
            await self._successes.get()
        return time.perf_counter() - began

    async def _listen(self, is_listening: asyncio.Event) -> None:
        headers = {"Accept": "text/event-stream"}
        query = "?event_type=deployment_success&event_type=event_stream_attached"
        timeout = aiohttp.ClientTimeout(total=None)
        stream = self._session.get(f"/v2/events{query}", headers=headers, timeout=timeout)
        async with stream as response:
            async for line in response.content:
                is_listening.set()
                if line.startswith(_SUCCESS):
                    self._successes.put_nowait(None)


def _app(app_id: str, instances: int, **more: object) -> dict[str, object]:
    size = {"cpus": CPUS, "mem": MEM_MB, "instances": instances}
    return {"id": app_id, "cmd": "sleep 1000", **size, **more}


async def _stub_round(fleet: Fleet) -> float:
    """Seconds from the subscription until 500 tasks run, spread over all agents."""
    framework = Framework(fleet.port)
    a_share = -(-DEPLOYED // fleet.size)
    accepted = running = 0
    is_done = asyncio.Event()

    def accept(offers: list[Offer]) -> None:
        nonlocal accepted
        for offer in offers:
            count = min(a_share, DEPLOYED - accepted)
            ids = [f"stub.{accepted + number:06}" for number in range(count)]
            if ids:
                framework.accept(offer, ids, CPUS, MEM_MB)
            accepted += count

    def count(status: Status) -> None:
        nonlocal running
        running += status.state == "TASK_RUNNING"
        if running == DEPLOYED:
            is_done.set()

    early: list[Offer] = []  # they come before there are connections to answer on
    framework.on_offers, framework.on_status = early.extend, count
    began = time.perf_counter()
    await framework.subscribe()
    framework.on_offers = accept
    accept(early)
    async with asyncio.timeout(_PATIENCE_S):
        await is_done.wait()
    seconds = time.perf_counter() - began
    await framework.teardown()
    return seconds


async def _deploy_rounds(api: Api, fleet: Fleet, rounds: int) -> dict[str, float]:
    seconds, stub_seconds = [], []
    for number in range(rounds):
        seconds.append(await api.deploy("POST", "/v2/apps", _app("/one/big", DEPLOYED)))
        await api.deploy("DELETE", "/v2/apps/one/big")
        stub_seconds.append(await _stub_round(fleet))
        harness.say(f"round {number + 1}: {seconds[-1]:.2f} s, stub {stub_seconds[-1]:.2f} s")
    ratios = [stub / own for stub, own in zip(stub_seconds, seconds, strict=True)]
    return {
        "deploy_500_s": harness.median(seconds),
        "stub_500_s": harness.median(stub_seconds),
        "ratio_to_stub": harness.median(ratios),
    }


async def _scale(api: Api, instances: int) -> float:
    await api.deploy("POST", "/v2/apps", _app("/one/scaled", 1))
    seconds = await api.deploy("PUT", "/v2/apps/one/scaled", {"instances": instances})
    harness.say(f"scaled to {instances} in {seconds:.1f} s")
    await api.deploy("DELETE", "/v2/apps/one/scaled")
    return seconds


async def _replace(api: Api, instances: int) -> float:
    await api.deploy("POST", "/v2/apps", _app("/one/replaced", instances))
    seconds = await api.deploy("PUT", "/v2/apps/one/replaced", {"cmd": "sleep 1001"})
    harness.say(f"replaced {instances} in {seconds:.1f} s")
    await api.deploy("DELETE", "/v2/apps/one/replaced")
    return seconds


async def _create_apps(api: Api, count: int) -> float:
    a_batch = count // _BATCHES
    began = time.perf_counter()
    for batch in range(_BATCHES):
        numbers = range(batch * a_batch, (batch + 1) * a_batch)
        apps = [
            _app(f"/many/group-{number % 50}/app-{number}", 1, labels={"number": str(number)})
            for number in numbers
        ]
        await api.deploy("PUT", "/v2/apps", apps)
    harness.say(f"{count} apps run")
    return time.perf_counter() - began


async def _median_ms(ask: Callable[[], Awaitable[object]], before: Callable[[], Any]) -> float:
    milliseconds = []
    for _ in range(_LISTS):
        await before()
        began = time.perf_counter()
        await ask()
        milliseconds.append((time.perf_counter() - began) * 1000)
    return harness.median(milliseconds)


async def _lists(api: Api, count: int) -> dict[str, float]:
    numbers = iter(range(10**9))

    async def change() -> None:
        labels = {"changed": str(next(numbers))}
        await api.deploy("PUT", "/v2/apps/many/group-0/app-0", {"labels": labels})

    known: dict[str, str] = {}

    async def look() -> None:
        known["If-None-Match"] = (await api.call("GET", "/v2/apps"))[1]

    content, _ = await api.call("GET", "/v2/apps")
    if (listed := len(json.loads(content)["apps"])) != count:
        raise SystemExit(f"{listed} of {count} apps are listed")
    page = f"/v2/apps?limit={PAGE}&offset={count // 2}"
    return {
        "list_apps_ms": await _median_ms(lambda: api.call("GET", "/v2/apps"), change),
        "page_ms": await _median_ms(lambda: api.call("GET", page), change),
        "list_unchanged_ms": await _median_ms(
            lambda: api.call("GET", "/v2/apps", headers=known), look
        ),
        "list_tasks_ms": await _median_ms(lambda: api.call("GET", "/v2/tasks"), change),
    }


async def run(agents: int, rounds: int, many: int) -> dict[str, float]:
    """Measure everything; return the figures."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        master_port, port = harness.free_port(), harness.free_port()
        _start(stack, directory, "master", master_port)
        fleet = Fleet(master_port, agents)
        await fleet.connect()
        stack.callback(fleet.close)
        master = f"http://127.0.0.1:{master_port}"
        pid = _start(stack, directory, "marathon", port, "--master", master)
        async with Api.connected(port) as api:
            figures = await _deploy_rounds(api, fleet, rounds)
            figures["scale_5000_s"] = await _scale(api, many)
            for replaced in REPLACED:
                figures[f"replace_{replaced}_s"] = await _replace(api, min(replaced, many))
            figures["create_apps_s"] = await _create_apps(api, many)
            figures |= await _lists(api, many)
        figures["rss_mb"] = harness.rss_mb(pid)
        return figures


def _start(stack: ExitStack, directory: Path, name: str, port: int, *more: str) -> int:
    command = ("-m", "orchestrator.cli.main", name, "--port", str(port), *more)
    own = ("--data-dir", str(directory / name))
    process = stack.enter_context(harness.server((*command, *own), port, directory / f"{name}.log"))
    return process.pid


def main() -> None:
    """Run it and print the figures."""
    flags = harness.parser("How fast Marathon deploys and answers.")
    flags.add_argument("--agents", type=int, default=100, help="simulated agents")
    flags.add_argument("--rounds", type=int, default=5, help="deployments of 500 instances")
    flags.add_argument("--many", type=int, default=5000, help="instances, and then apps")
    chosen = flags.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.many = 2, min(chosen.many, 500)
    harness.allow_many_sockets()
    figures = uvloop.run(run(chosen.agents, chosen.rounds, chosen.many))
    harness.report("marathon", figures, chosen.json)


if __name__ == "__main__":
    main()
