"""/logging: the levels of this process's loggers, also for a while only.

The root logger goes by the name ``ROOT``, as in Marathon. Levels are Marathon's; Python has nothing
below DEBUG, so ``trace`` is the same.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.core.apps.app_parts import Part
from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.refusals import InvalidObject, Violation
from orchestrator.runtime.http import json_response

_ROOT = "ROOT"
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {logging.WARNING: "WARN"}
logger = logging.getLogger(__name__)


class LoggerChange(Part):
    """A level for a logger; without a duration it stays."""

    level: Literal["trace", "debug", "info", "warn", "error"]
    logger: str
    duration_seconds: Annotated[int, Meta(ge=1, le=7 * 86_400)] | None = None


class Loggers:
    """The handlers of /logging."""

    def __init__(self) -> None:
        self._resets: dict[str, tuple[asyncio.TimerHandle, int]] = {}

    def routes(self) -> list[Route]:
        """Look and change."""
        return [
            Route("/logging", self.show, methods=["GET"]),
            Route("/logging", self.change, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> Response:
        """All loggers with their levels."""
        return json_response({name: _shown(found) for name, found in sorted(_all().items())})

    async def change(self, request: Request) -> Response:
        """Set the level of one; what it was comes back when the duration is over."""
        change = read(LoggerChange, await request.body())
        if not change.logger:
            raise InvalidObject([Violation("/logger", "must not be empty")])
        target = _all().get(change.logger)
        if target is None:
            error = f"there is no logger {change.logger!r}; GET /logging lists them"
            raise InvalidObject([Violation("/logger", error)])
        usual = target.level
        if change.logger in self._resets:
            timer, usual = self._resets.pop(change.logger)
            timer.cancel()
        logger.info("the level of logger %s is set to %s", change.logger, change.level)
        target.setLevel(_LEVELS[change.level])
        if change.duration_seconds is not None:
            timer = asyncio.get_running_loop().call_later(
                change.duration_seconds, self._reset, change.logger, usual
            )
            self._resets[change.logger] = (timer, usual)
        return Response(msgspec.json.encode(change), media_type="application/json")

    def _reset(self, name: str, level: int) -> None:
        self._resets.pop(name, None)
        _all()[name].setLevel(level)
        logger.info("the level of logger %s is as before", name)


def _all() -> dict[str, logging.Logger]:
    named = logging.Logger.manager.loggerDict.items()
    found = {name: one for name, one in named if isinstance(one, logging.Logger)}
    return {_ROOT: logging.getLogger(), **found}


def _shown(of: logging.Logger) -> str:
    level = of.getEffectiveLevel()
    name = _NAMES.get(level, logging.getLevelName(level))
    return name if of.level else f"{name} (inherited)"
