"""The agents that have been offered lately.

Marathon hears of agents by their offers alone. What an agent could give is what it offered last,
and what Marathon's own instances use of it; what other frameworks use is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orchestrator.mesos.types import Offer

MAX_KNOWN = 1000


class LastOffer(msgspec.Struct, frozen=True):
    """The last offer of an agent."""

    offer: Offer
    at: float


class KnownAgents:
    """Agents by id, the one seen longest ago first; bounded."""

    def __init__(self) -> None:
        self._last: dict[str, LastOffer] = {}

    def __len__(self) -> int:
        return len(self._last)

    def __iter__(self) -> Iterator[LastOffer]:
        return iter(self._last.values())

    def see(self, offer: Offer, now: float) -> None:
        """An agent was offered."""
        agent_id = offer.agent_id.value
        self._last.pop(agent_id, None)
        self._last[agent_id] = LastOffer(offer, now)
        if len(self._last) > MAX_KNOWN:
            del self._last[next(iter(self._last))]
