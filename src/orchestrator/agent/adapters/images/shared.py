"""Work that many may wait for, done once; and work of many parts, done whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What is under way by key. It is given up when the last of those who wait goes away."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[T]] = {}
        self._waiting: dict[str, int] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        """The result of the work under way for the key, or else of ``make``. Raises as it does."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(make))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._drop(key, done))
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                task.cancel()  # no more than a gesture where it is done
                self._drop(key, task)

    def _drop(self, key: str, task: asyncio.Task[T]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def cancel(self) -> None:
        """Give up all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


async def all_of(works: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All of it at once, or the first error and none of it."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
