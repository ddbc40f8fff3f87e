"""Work in threads that has to be seen through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(function: Callable[..., T], *args: object) -> T:
    """Call it in a thread; a cancellation waits until it is done.

    A thread cannot be stopped. What it works with, such as a descriptor, must not be taken away,
    or it would go on with whatever got its number next.
    """
    working = asyncio.create_task(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise
