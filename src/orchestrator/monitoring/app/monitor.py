"""Everything one app has in memory, put together; the API reads and changes it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.monitoring.app import wanted
from orchestrator.monitoring.app.access import Access
from orchestrator.monitoring.app.bus.contract import Sent
from orchestrator.monitoring.app.bus.controls import Controls
from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.control.audit import Audit
from orchestrator.monitoring.app.control.hub import Hub
from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history.archive import Archive
from orchestrator.monitoring.app.history.ring import Ring, slot_at
from orchestrator.monitoring.app.intake import Intake, RefusedError
from orchestrator.monitoring.app.roster import Roster
from orchestrator.monitoring.app.watching import Watching
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.report.agents import ProbeSettings
from orchestrator.monitoring.report.model import Report
from orchestrator.monitoring.report.validity import Limits
from orchestrator.runtime.clock import Clock

if TYPE_CHECKING:
    from orchestrator.monitoring.app.bus.link import Link
    from orchestrator.monitoring.app.forwarding.forwarder import Forwarder

_PAST_KEPT = 4  # pictures of past moments


class Monitor:
    """The parts of an app."""

    def __init__(self, config: AppConfig, access: Access, directory: Path, clock: Clock) -> None:
        self.config = config
        self.access = access
        self.clock = clock
        self.started_at = clock.now()
        self.counts = Counts()
        self.forwarder = _forwarder(config, self.counts)  # the one that may refuse its settings
        self.picture = Picture()
        self._wanted = directory / "probes.json"
        self.roster = Roster(config.max_agents, wanted.read(self._wanted))
        limits = Limits(max_bytes=config.max_report_bytes, max_nodes=config.max_report_nodes)
        self.intake = Intake(self.picture, self.roster, self.counts, limits, config.max_nodes)
        self.layouts = ThreadPoolExecutor(1, "layout")
        """Finds the places of large views, beside the loop."""
        self.watching = Watching(self.picture, self.counts, config.max_watchers, self.layouts)
        self.archive = Archive(
            directory / "history",
            Ring(config.max_series),
            self.counts,
            config.retention_days * 86400,
            config.retention_mb * 1024 * 1024,
        )
        self.audit = Audit(directory / "audit.jsonl")
        self.hub = Hub()
        self.link = self._linked(config.bus) if config.bus else None
        self.controls = Controls(self.hub, self.link)
        self.intake.measure.append(self.archive.ring.put)
        self.intake.remember.append(self.archive.report)
        self._past: dict[int, Picture] = {}
        self._reading_past = asyncio.Lock()

    def tick(self) -> None:
        """What has to be done every now and then."""
        now = self.clock.now()
        for agent_id in self.roster.remove_silent(now):
            self.intake.lose(agent_id)
            self.archive.lost(agent_id, now)
            if self.forwarder is not None:
                self.forwarder.backlog.forget(agent_id)
        self.watching.tick(now)
        self.archive.keep(now)

    def configure(self, agent_id: str, settings: ProbeSettings) -> ProbeSettings:
        """Want something else of a probe from now on. Raises OSError if that cannot be kept."""
        settings = self.roster.configure(agent_id, settings)
        wanted.write(self._wanted, self.roster.wanted)
        return settings

    def take(self, sent: Sent) -> Report:
        """Take in a report that a probe has sent here, and pass it on. Raises RefusedError."""
        report = self.intake.take(*sent, self.clock.now())
        if self.link is not None:
            self.link.publish(sent)
        if self.forwarder is not None:
            self.forwarder.put(report)
        return report

    def _take_sent(self, sent: Sent) -> None:
        """One that a probe has sent to another replica; it is counted if it is not taken."""
        with contextlib.suppress(RefusedError):
            self.intake.take(*sent, self.clock.now())

    async def past(self, moment: float) -> Picture:
        """The picture of a past moment, to within 15 s."""
        slot = slot_at(moment)
        async with self._reading_past:
            picture = self._past.get(slot)
            if picture is None:
                reports = await self.archive.reports_at(moment)
                picture = await asyncio.to_thread(_picture_of, reports)
                if slot < slot_at(self.clock.now()) - 1:  # else more may come
                    while len(self._past) >= _PAST_KEPT:
                        del self._past[next(iter(self._past))]
                    self._past[slot] = picture
            return picture

    def _linked(self, bus: str) -> Link:
        from orchestrator.monitoring.app.bus.link import (  # noqa: PLC0415 - 11 MB, mostly unused
            Link,
        )

        return Link(bus, self.counts, self._take_sent)


def _picture_of(reports: list[Report]) -> Picture:
    picture = Picture()
    for report in reports:
        picture.put(report)
    picture.seen()
    return picture


def _forwarder(config: AppConfig, counts: Counts) -> Forwarder | None:
    if not config.remote_write:
        return None
    from orchestrator.monitoring.app.forwarding.forwarder import (  # noqa: PLC0415 - so is this
        Forwarder,
    )

    return Forwarder(
        config.remote_write, config.remote_write_token_file, config.remote_write_backlog, counts
    )
