"""/v2/queue: what waits for an offer, and why."""

from __future__ import annotations

import math
from collections.abc import Set

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import params
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Part,
)
from orchestrator.marathon.core.effects import ResetDelay
from orchestrator.marathon.core.placement.explanation import Explainer, Explanation
from orchestrator.marathon.core.placement.launch_stats import LaunchStats, Step
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.mesos.types import Attribute, Offer, Resource
from orchestrator.runtime.http import json_response

MAX_EXPLAINED = 100  # apps in one answer: each is compared with every agent


class Delay(Part):
    """How long the next launch has to wait; ``overdue``: it waits for an offer only."""

    time_left_seconds: int
    overdue: bool


class Summary(Part):
    """The offers looked at."""

    processed_offers_count: int
    unused_offers_count: int
    reject_summary_last_offers: list[Step]
    reject_summary_launch_attempt: list[Step]
    last_unused_offer_at: str | None = None
    last_used_offer_at: str | None = None


class Value(Part):
    """A resource or an attribute of an offer."""

    name: str
    role: str | None = None
    text: str | None = None
    scalar: float | None = None
    ranges: list[dict[str, int]] | None = None
    set: list[str] | None = None


class ShownOffer(Part):
    """An offer."""

    id: str
    hostname: str
    agent_id: str
    resources: list[Value]
    attributes: list[Value]


class ShownUnused(Part):
    """An offer that was not used, and why."""

    offer: ShownOffer
    reason: list[str]
    timestamp: str


class Item(Part, kw_only=True):
    """An app or a pod with instances that wait.

    Marathon 1.9 added ``role``, which the clients of before refuse; the app has it as well.
    """

    app: App | None = None
    pod: Pod | None = None
    count: int
    delay: Delay
    since: str
    processed_offers_summary: Summary
    last_unused_offers: list[ShownUnused] | None = None
    explanation: Explanation | None = None  # ours, for those who ask


class Queue:
    """The handlers of /v2/queue."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """List, and let one go ahead."""
        return [
            Route("/v2/queue", self.show, methods=["GET"]),
            Route("/v2/queue/{app_id:path}/delay", self.reset_delay, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """All apps and pods with instances that wait."""
        embeds = params.embeds(request)
        marathon, now = self._backend.marathon, self._backend.clock.now()
        explainer = Explainer(marathon.state, marathon.launcher, now)
        waiting = self._backend.state.waiting
        items = [
            self._item(spec, len(waiting[spec_id]), embeds, explainer)
            for spec_id in waiting
            if (spec := self._backend.state.spec(spec_id)) is not None
        ]
        return json_response({"queue": items})

    async def reset_delay(self, request: Request) -> Response:
        """Launch what waits without further delay."""
        await self._backend.ask(ResetDelay(params.app_id(request)))
        return Response(status_code=204)

    def _item(self, spec: RunSpec, count: int, embeds: Set[str], explainer: Explainer) -> Item:
        is_explained = "explanation" in embeds and explainer.count < MAX_EXPLAINED
        marathon, now = self._backend.marathon, self._backend.clock.now()
        stats = marathon.launcher.stats.get(spec.id) or LaunchStats(now)
        deadline = marathon.lifecycle.is_delayed(spec)
        left_s = max(0, math.ceil(deadline - now)) if deadline is not None else 0
        return Item(
            app=spec if isinstance(spec, App) else None,
            pod=spec.shown() if isinstance(spec, Pod) else None,
            count=count,
            delay=Delay(time_left_seconds=left_s, overdue=left_s == 0),
            since=timestamps.render(stats.since),
            processed_offers_summary=_summary(stats),
            last_unused_offers=_unused(spec, stats, explainer)
            if "lastUnusedOffers" in embeds
            else None,
            explanation=explainer.explain(spec) if is_explained else None,
        )


def _summary(stats: LaunchStats) -> Summary:
    return Summary(
        processed_offers_count=stats.processed,
        unused_offers_count=stats.unused,
        last_unused_offer_at=_moment(stats.last_unused_at),
        last_used_offer_at=_moment(stats.last_used_at),
        reject_summary_last_offers=stats.last_offers(),
        reject_summary_launch_attempt=stats.whole_attempt(),
    )


def _unused(spec: RunSpec, stats: LaunchStats, explainer: Explainer) -> list[ShownUnused]:
    return [
        ShownUnused(
            offer=_offer(unused.offer),
            reason=[reason.value for reason in explainer.reasons(spec, unused)],
            timestamp=timestamps.render(unused.at),
        )
        for unused in stats.last_unused()
    ]


def _offer(offer: Offer) -> ShownOffer:
    return ShownOffer(
        id=offer.id.value,
        hostname=offer.hostname,
        agent_id=offer.agent_id.value,
        resources=[_value(resource, resource.role) for resource in offer.resources],
        attributes=[_value(attribute, None) for attribute in offer.attributes],
    )


def _value(of: Resource | Attribute, role: str | None) -> Value:
    ranges = [{"begin": r.begin, "end": r.end} for r in of.ranges.range] if of.ranges else None
    text = of.text.value if isinstance(of, Attribute) and of.text else None
    return Value(
        name=of.name,
        role=role,
        text=text,
        scalar=of.scalar.value if of.scalar else None,
        ranges=ranges,
        set=list(of.set.item) if of.set else None,
    )


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else timestamps.render(seconds)
