"""Why an app is still waiting: what the offers looked at so far lacked.

Counted for each app from when it began to wait until nothing of it waits any more; of each agent
only the last offer is kept, and of no more than ``MAX_AGENTS`` agents.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from orchestrator.marathon.core.placement.matching import Reason
from orchestrator.mesos.types import Offer

MAX_AGENTS = 100


class UnusedOffer(msgspec.Struct, frozen=True):
    """An offer that an app could not use."""

    offer: Offer
    reason: Reason
    at: float


class Step(msgspec.Struct, frozen=True):
    """One reason in the funnel: of ``processed`` offers it ruled out ``declined``."""

    reason: str
    declined: int
    processed: int


class LaunchStats:
    """The offers that one app has been matched against, since ``since`` (Unix seconds)."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.processed = 0
        self.unused = 0
        self.last_used_at: float | None = None
        self.last_unused_at: float | None = None
        self.last_unused: dict[str, UnusedOffer] = {}
        self._reasons: Counter[Reason] = Counter()

    def count_used(self, offer: Offer, now: float) -> None:
        """An instance was placed on the offer."""
        self.processed += 1
        self.last_used_at = now
        self.last_unused.pop(offer.agent_id.value, None)

    def count_unused(self, offer: Offer, reason: Reason, now: float) -> None:
        """The offer could not be used."""
        self.processed += 1
        self.unused += 1
        self.last_unused_at = now
        self._reasons[reason] += 1
        self.last_unused.pop(offer.agent_id.value, None)
        self.last_unused[offer.agent_id.value] = UnusedOffer(offer, reason, now)
        if len(self.last_unused) > MAX_AGENTS:
            del self.last_unused[next(iter(self.last_unused))]

    def whole_attempt(self) -> list[Step]:
        """The funnel over all offers."""
        return _funnel(self.processed, self._reasons)

    def last_offers(self) -> list[Step]:
        """The funnel over the last offer of each agent."""
        reasons = [unused.reason for unused in self.last_unused.values()]
        return _funnel(len(reasons), Counter(reasons))

    def sentence(self) -> str:
        """The commonest reasons in words."""
        if not self.last_unused:
            return "every offer was used" if self.processed else "no offer has come yet"
        reasons = Counter(unused.reason for unused in self.last_unused.values())
        parts = [f"{count} {_WORDS[reason]}" for reason, count in reasons.most_common(3)]
        return f"of the last offers of {len(self.last_unused)} agents, {', '.join(parts)}"


def _funnel(processed: int, reasons: Counter[Reason]) -> list[Step]:
    steps = []
    for reason in Reason:
        steps.append(Step(reason.value, reasons[reason], processed))
        processed -= reasons[reason]
    return steps


_WORDS = {
    Reason.UNFULFILLED_ROLE: "had nothing for the app's role",
    Reason.UNFULFILLED_CONSTRAINT: "did not meet the app's constraints",
    Reason.NO_RESERVATION: "had nothing that is reserved for its instances",
    Reason.AGENT_MAINTENANCE: "were under maintenance",
    Reason.INSUFFICIENT_CPUS: "had too few cpus",
    Reason.INSUFFICIENT_MEMORY: "had too little memory",
    Reason.INSUFFICIENT_DISK: "had too little disk",
    Reason.INSUFFICIENT_GPUS: "had too few GPUs",
    Reason.DECLINED_SCARCE_RESOURCES: "have GPUs, which are kept for apps that use them",
    Reason.INSUFFICIENT_PORTS: "lacked the ports",
}
