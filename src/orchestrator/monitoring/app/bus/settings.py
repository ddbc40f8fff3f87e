"""What is wanted of probes, told to the other replicas: at once when it changes, and everything
every now and then, as some may have been away."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from orchestrator.monitoring.app.bus.contract import BusError
from orchestrator.monitoring.app.wanted import Wanted
from orchestrator.monitoring.report.agents import ProbeSettings

if TYPE_CHECKING:
    from orchestrator.monitoring.app.bus.link import Link

EVERY_S = 15.0
_SUBJECT: Final = "orchestrator.app.settings"
_MOST: Final = 64
"""Probes in one message: even with the largest settings less than a bus takes."""

logger = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(dict[str, ProbeSettings])


class Sharing:
    """Keeps what is wanted the same on all replicas."""

    def __init__(self, link: Link, wanted: Wanted) -> None:
        """To be made before the link runs."""
        self._link = link
        self._wanted = wanted
        link.hear(_SUBJECT, self._hear)

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self._wanted.changed.clear()
            with suppress(BusError):
                await self._tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._wanted.changed.wait()

    async def _tell(self) -> None:
        settings = iter(self._wanted.everything().items())
        while part := dict(islice(settings, _MOST)):
            await self._link.send(_SUBJECT, _encode(part))

    def _hear(self, data: bytes) -> None:
        try:
            self._wanted.merge(_decoder.decode(data))
        except (msgspec.DecodeError, UnicodeError, OSError) as error:
            logger.error("settings of probes that another app has told are not kept: %s", error)
