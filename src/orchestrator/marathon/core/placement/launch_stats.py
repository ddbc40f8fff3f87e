"""Why an app is still waiting: what the offers looked at so far lacked.

Counted for each app from when it began to wait until nothing of it waits any more; of each agent
only the last offer is kept, and of no more than ``MAX_AGENTS`` agents. What was looked at last in
an event is shared by all apps of equal needs; which offer of an agent was its last is only found
when somebody asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from orchestrator.marathon.core.placement.matching import Reason
from orchestrator.mesos.types import Offer

MAX_AGENTS = 100
_MAX_EVENTS = 16  # whose offers are kept before they are made into one list


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
        self._reasons: Counter[Reason] = Counter()
        self._seen: list[
            tuple[UnusedOffer, ...] | str
        ] = []  # a text: an agent whose offer was used

    def count_used(self, offer: Offer, now: float) -> None:
        """An instance was placed on the offer."""
        self.processed += 1
        self.last_used_at = now
        self._see(offer.agent_id.value)

    def count_unused(self, latest: tuple[UnusedOffer, ...], reasons: Mapping[Reason, int]) -> None:
        """So many offers of an event could not be used; ``latest`` are the last of them."""
        if not latest:
            return
        count = sum(reasons.values())
        self.processed += count
        self.unused += count
        self.last_unused_at = latest[-1].at
        self._reasons.update(reasons)
        self._see(latest[-MAX_AGENTS:])

    def _see(self, seen: tuple[UnusedOffer, ...] | str) -> None:
        if len(self._seen) == _MAX_EVENTS:
            self._seen = [tuple(self.last_unused())]
        self._seen.append(seen)

    def last_unused(self) -> list[UnusedOffer]:
        """Of each agent the last offer, if it was not used; the latest at the end."""
        found: dict[str, UnusedOffer] = {}
        for seen in self._seen:
            if isinstance(seen, str):
                found.pop(seen, None)
                continue
            for unused in seen:
                agent_id = unused.offer.agent_id.value
                found.pop(agent_id, None)
                found[agent_id] = unused
        return list(found.values())[-MAX_AGENTS:]

    def whole_attempt(self) -> list[Step]:
        """The funnel over all offers."""
        return _funnel(self.processed, self._reasons)

    def last_offers(self) -> list[Step]:
        """The funnel over the last offer of each agent."""
        reasons = [unused.reason for unused in self.last_unused()]
        return _funnel(len(reasons), Counter(reasons))

    def sentence(self) -> str:
        """The commonest reasons in words."""
        last = self.last_unused()
        if not last:
            return "every offer was used" if self.processed else "no offer has come yet"
        reasons = Counter(unused.reason for unused in last)
        parts = [f"{count} {_WORDS[reason]}" for reason, count in reasons.most_common(3)]
        return f"of the last offers of {len(last)} agents, {', '.join(parts)}"


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
