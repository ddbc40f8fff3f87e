"""Runs a server until a signal asks it to stop; light, as the probe pays for every import.

The first SIGINT or SIGTERM begins a clean stop, a second one ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import click

from orchestrator.cli.errors import CommandError, SettingError
from orchestrator.runtime import log, memory
from orchestrator.runtime.config import ConfigError

_AT_ONCE = 130  # as a shell reports a program that SIGINT ended

Serve = Callable[[asyncio.Event], Coroutine[object, object, None]]


def run(
    serve: Serve,
    known: tuple[type[Exception], ...],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run ``serve(stop)``, which has to return soon after the event ``stop`` is set.

    Raises CommandError for what the operator can put right: ConfigError and the ``known``
    exceptions, whose text says it.
    """
    _configure_log()
    memory.collect_rarely()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_until_signalled(serve))
    except ConfigError as error:
        raise SettingError(str(error)) from None
    except known as error:
        raise CommandError(str(error)) from None


async def stopped(stop: asyncio.Event, *failures: asyncio.Future[None]) -> None:
    """Wait for the stop, or raise what the first of ``failures`` ends with."""
    waiter = asyncio.ensure_future(stop.wait())
    ends: list[asyncio.Future[Any]] = [waiter, *failures]
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for end in done:
        end.result()


async def _until_signalled(serve: Serve) -> None:
    stop = asyncio.Event()

    def ask_to_stop() -> None:
        if stop.is_set():
            os._exit(_AT_ONCE)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop)
    await serve(stop)


def _configure_log() -> None:
    context = click.get_current_context(silent=True)
    options = context.find_root().params if context is not None else {}
    log.configure(options.get("log_format", "text"), options.get("log_level", "warning"))
