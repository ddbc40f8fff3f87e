"""Which agent of an overlay has which subnet, and what the others have been told of it.

An overlay is an address range cut into subnets of one size, numbered from 0; each of its agents has
one, from 1 on, and keeps the number as long as the registry knows the agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.mesos.link import OverlayPeer


class Place(NamedTuple):
    """The agent that has a subnet, and the address at which its host takes packets for it."""

    agent_id: str
    address: str


@dataclass(slots=True)
class Subnets:
    """The subnets of one overlay. ``told`` is what the agents know, but for the ``newcomers``."""

    places: dict[int, Place] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # of the places, by agent
    told: dict[int, str] = field(default_factory=dict)
    newcomers: dict[str, None] = field(default_factory=dict)  # ordered, so that runs repeat

    def choose(self, agent_id: str, size: int, wanted: list[int]) -> int | None:
        """The number for an agent: the first of those wanted that is free, else any; None: full.

        ``size`` counts subnets; the first is nobody's.
        """
        for number in wanted:
            if 0 < number < size and self._is_free_for(agent_id, number):
                return number
        after_all = (
            len(self.places) + 1
        )  # where the next one is as long as none has been given back
        candidates = (after_all, *range(1, min(size, after_all)))
        return next((n for n in candidates if n < size and n not in self.places), None)

    def _is_free_for(self, agent_id: str, number: int) -> bool:
        place = self.places.get(number)
        return place is None or place.agent_id == agent_id

    def settle(self, number: int, place: Place) -> None:
        """Give an agent a subnet, and no other."""
        self.remove(place.agent_id)
        self.places[number] = place
        self.numbers[place.agent_id] = number

    def remove(self, agent_id: str) -> None:
        """Take back what an agent has."""
        number = self.numbers.pop(agent_id, None)
        if number is not None:
            del self.places[number]

    def take_news(self) -> tuple[list[OverlayPeer], list[int]]:
        """What has changed since the last time: agents that are new or moved, numbers that went."""
        now = {number: place.address for number, place in self.places.items()}
        changed = [
            OverlayPeer(subnet=number, address=address)
            for number, address in now.items()
            if self.told.get(number) != address
        ]
        gone = [number for number in self.told if number not in now]
        self.told = now
        return changed, gone

    def peers(self) -> list[OverlayPeer]:
        """All agents."""
        return [OverlayPeer(subnet=n, address=place.address) for n, place in self.places.items()]
