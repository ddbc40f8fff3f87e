"""The app is killed with -9 and comes back: what was over is there."""

import os
import signal
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from tests.integration.monitoring.apps import Client, app_process, report
from tests.integration.monitoring.probes import HOST, probing
from tests.support import eventually, free_port

from orchestrator.monitoring.app.history.ring import STEP_S, slot_at


async def test_a_killed_app_has_lost_no_slot_that_was_over(tmp_path: Path) -> None:
    now = time.time()
    slots = [slot_at(now) - n for n in range(8, 0, -1)]
    async with app_process(tmp_path) as (client, _):
        for number, slot in enumerate(slots, 1):
            status, body = await client.report(report("a", slot * STEP_S + 1.0, number))
            assert status == 202, body

        async def is_kept() -> bool:
            """On disk is what was there when the slot of the time went over."""
            await client.report(report("a", time.time(), 9, taken_at=slots[-1] * STEP_S + 2.0))
            return _has_row(tmp_path)

        await eventually(is_kept, 60, 0.2)
    async with app_process(tmp_path) as (client, process):
        page = await client.get(
            "/api/v1/query/series", topology="host", id="a", metric="cpu_percent"
        )
        kept = {int(at // STEP_S) for at, _ in page["series"][0]["points"]}
        assert set(slots) <= kept
        os.kill(process.pid, signal.SIGTERM)
        assert await process.wait() == 0


async def test_an_app_that_is_killed_and_comes_back_misses_one_slot_at_most(tmp_path: Path) -> None:
    flags = ("--port", str(free_port()))
    async with AsyncExitStack() as stack:
        async with app_process(tmp_path, *flags) as (client, _):
            await stack.enter_async_context(probing(client.url))
            first = min(await eventually(partial(_slots, client)))
            await eventually(lambda: time.time() > (first + 2) * STEP_S - 1, 60)
            killed = slot_at(time.time())  # near its end, and only the one before is on disk
        async with app_process(tmp_path, *flags) as (client, _):

            async def goes_on() -> set[int]:
                slots = await _slots(client)
                return slots if max(slots, default=0) > killed else set()

            slots = await eventually(goes_on, 30, 0.1)
            assert set(range(first, max(slots) + 1)) - slots <= {killed}


async def _slots(client: Client) -> set[int]:
    """Those of which the processor of the probe's machine is known."""
    status, page = await client.call(
        "GET",
        "/api/v1/query/series",
        params={"topology": "host", "id": HOST, "metric": "cpu_percent"},
    )
    if status != 200:
        return set()
    return {int(at // STEP_S) for one in page["series"] for at, _ in one["points"]}


def _has_row(directory: Path) -> bool:
    return any(path.stat().st_size > 0 for path in (directory / "history").glob("series-*.log"))
