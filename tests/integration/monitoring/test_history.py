"""The app is killed with -9 and comes back: what was over is there."""

import os
import signal
import time
from pathlib import Path

from tests.integration.monitoring.apps import app_process, report
from tests.support import eventually

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


def _has_row(directory: Path) -> bool:
    return any(path.stat().st_size > 0 for path in (directory / "history").glob("series-*.log"))
