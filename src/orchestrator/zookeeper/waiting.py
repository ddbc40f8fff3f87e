"""Waiting for one of two things."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def either(event: Coroutine[None, None, object], end: asyncio.Future[None]) -> None:
    """Wait for an event, or for the end of something, whichever comes first."""
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait((waiting, end), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
