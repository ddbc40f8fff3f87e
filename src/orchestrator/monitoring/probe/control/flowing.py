"""Streams of controls: both directions at once, until one of them ends."""

from __future__ import annotations

import asyncio

from orchestrator.monitoring.probe.roles import Terminal


async def until_gone(terminal: Terminal) -> None:
    """Wait until the user goes, whatever is typed before."""
    while await terminal.read():
        pass


async def first(*tasks: asyncio.Task[None]) -> None:
    """Wait for the first to end, end the others, and raise what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
