"""A rolling update of a real HTTP service under load: nobody notices."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from tests.support.waiting import eventually
from tests.system import draining_app
from tests.system.datacenter import Datacenter, Json, datacenter

INSTANCES = 10
CLIENTS = 3
LOOK_S = 0.1  # how old a balancer's knowledge may be; an instance drains ten times as long
DRAIN_S = 1.0
CHECK = {
    "protocol": "MESOS_HTTP",
    "path": "/",
    "portIndex": 0,
    "gracePeriodSeconds": 30,
    "intervalSeconds": 1,
    "timeoutSeconds": 5,
    "delaySeconds": 0,
}


class Balancer:
    """Sends requests to the healthy instances that Marathon lists, in turn, as a balancer does."""

    def __init__(self, platform: Datacenter) -> None:
        self.answers: Counter[str] = Counter()  # by version
        self.failures: list[str] = []
        self._platform = platform
        self._addresses: list[str] = []
        self._turn = itertools.count()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Have clients ask all the time."""
        await self._look()
        tasks = [asyncio.create_task(self._watch())]
        async with aiohttp.ClientSession() as session:
            tasks += [asyncio.create_task(self._ask(session)) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self._look()

    async def _look(self) -> None:
        tasks = await self._platform.tasks("web")
        self._addresses = [f"http://127.0.0.1:{t['ports'][0]}/" for t in tasks if _is_healthy(t)]

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        while True:
            address = self._addresses[next(self._turn) % len(self._addresses)]
            try:
                async with session.get(address) as answer:
                    self.answers[await answer.text()] += 1
            except aiohttp.ClientError as error:
                self.failures.append(f"{address}: {error!r}")
            await asyncio.sleep(0.01)


def _is_healthy(task: Json) -> bool:
    results = task.get("healthCheckResults", [])
    return bool(results) and all(result["alive"] for result in results)


def _app(version: str) -> Json:
    program = f"{sys.executable} {draining_app.__file__} $PORT0 {version} {DRAIN_S}"
    return {
        "id": "/web",
        "cmd": f"exec {program}",
        "instances": INSTANCES,
        "cpus": 0.05,
        "mem": 32,
        "healthChecks": [CHECK],
        "taskKillGracePeriodSeconds": 20,
        "upgradeStrategy": {"minimumHealthCapacity": 0.8, "maximumOverCapacity": 0.2},
    }


async def test_a_rolling_update_under_load_fails_no_request(tmp_path: Path) -> None:
    async with datacenter(tmp_path) as platform:
        await platform.up()
        await platform.call("POST", "/v2/apps", _app("one"))
        await platform.running("web", INSTANCES, timeout_s=120)
        balancer = Balancer(platform)
        async with balancer.at_work():
            await platform.call("PUT", "/v2/apps/web", _app("two"))
            await platform.running("web", INSTANCES, timeout_s=120)
            assert balancer.answers["one"] > 0
            before = balancer.answers["one"]
            asked = balancer.answers["two"]
            await eventually(lambda: balancer.answers["two"] > asked + INSTANCES * CLIENTS)
            assert balancer.answers["one"] == before  # nothing old is left
        assert balancer.failures == []
