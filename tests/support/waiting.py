"""Waiting for something to become true, with a deadline instead of a sleep that hopes."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    predicate: Callable[[], Awaitable[T | None]], timeout_s: float = ..., interval_s: float = ...
) -> T: ...


@overload
async def eventually(
    predicate: Callable[[], T | None], timeout_s: float = ..., interval_s: float = ...
) -> T: ...


async def eventually(
    predicate: Callable[[], Any], timeout_s: float = 60.0, interval_s: float = 0.01
) -> Any:
    """Ask until the answer is true; return it. Raises AssertionError after ``timeout_s``.

    The predicate may be a coroutine function. An AssertionError from it counts as "not yet" and is
    the cause of the final one, so it may assert what it waits for.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        cause: AssertionError | None = None
        try:
            answer = predicate()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
        except AssertionError as error:
            cause = error
        if time.monotonic() >= deadline:
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"{name} did not hold within {timeout_s:g} s") from cause
        await asyncio.sleep(interval_s)
