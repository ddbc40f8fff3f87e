"""What frameworks do not want to be offered again for a while.

A filter refuses resources of one agent in one role; it holds for any offer that is contained in
what was refused, so that an agent with more to give is offered at once. A framework has at most
one filter an agent and role: a larger refusal replaces a smaller one. Of one framework the newest
``MAX_FILTERS_A_FRAMEWORK`` are kept, and fewer when all together have ``MAX_FILTERS``: losing one
costs an offer too many, and only the framework that has so many of them loses any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from orchestrator.master.core.allocator.problem import Vector
from orchestrator.master.core.allocator.supply import Stock
from orchestrator.master.core.timers import Timers
from orchestrator.mesos.resources import Resources

DEFAULT_REFUSE_S = 5.0
MAX_REFUSE_S = 365 * 24 * 3600.0
MAX_FILTERS_A_FRAMEWORK = 65_536  # an agent each in the largest cluster, and some
MAX_FILTERS = 1_000_000  # of all frameworks, some 300 MB

FilterKey = tuple[str, str, str]  # framework id, role, agent id


def refusal_s(asked_s: float) -> float:
    """The time a refusal lasts, in seconds: negative means the default, a year is the most."""
    if not asked_s >= 0:  # also false for NaN
        return DEFAULT_REFUSE_S
    return min(asked_s, MAX_REFUSE_S)


class Reading(msgspec.Struct, frozen=True):
    """What a filter refuses of one stock, as ``problem.Refusal`` has it."""

    stock: Stock
    open: Vector
    covers_rest: bool


@dataclass(slots=True)
class Filter:
    """A refusal and when it ends; ``read`` remembers how it was last read."""

    refused: Resources
    until: float
    read: Reading | None = None


class Filters:
    """The filters in force; whoever asks says what time it is."""

    def __init__(self) -> None:
        self._by_agent: dict[str, dict[tuple[str, str], Filter]] = {}
        self._keys: dict[str, dict[FilterKey, None]] = {}  # by framework, oldest first
        self._expiry: Timers[FilterKey] = Timers()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def refuse(self, key: FilterKey, refused: Resources, until: float) -> None:
        """Do not offer these or fewer resources before ``until``."""
        framework_id, role, agent_id = key
        present = self._by_agent.get(agent_id, {}).get((framework_id, role))
        if present is not None and present.refused not in refused:
            refused = refused + present.refused
            until = min(until, present.until)
        self._drop(key)
        mine = self._keys.setdefault(framework_id, {})
        most = MAX_FILTERS_A_FRAMEWORK if self._count < MAX_FILTERS else len(mine)
        if mine and len(mine) >= most:
            self._drop(next(iter(mine)))
        if self._count < MAX_FILTERS:
            self._keys.setdefault(framework_id, {})[key] = None
            self._by_agent.setdefault(agent_id, {})[framework_id, role] = Filter(refused, until)
            self._expiry.set(key, until)
            self._count += 1

    def about(self, agent_id: str) -> Mapping[tuple[str, str], Filter]:
        """The filters about an agent, by framework id and role."""
        return self._by_agent.get(agent_id, {})

    def refuses(self, key: FilterKey, offered: Resources) -> bool:
        """Whether the offer would be one that was refused."""
        present = self._by_agent.get(key[2], {}).get(key[:2])
        return present is not None and offered in present.refused

    def clear(self, framework_id: str, roles: Iterable[str] | None = None) -> None:
        """Forget the filters of a framework, in some of its roles or in all."""
        wanted = None if roles is None else set(roles)
        for key in list(self._keys.get(framework_id, {})):
            if wanted is None or key[1] in wanted:
                self._drop(key)

    def clear_agent(self, agent_id: str) -> None:
        """Forget the filters about an agent that is gone."""
        for framework_id, role in list(self._by_agent.get(agent_id, {})):
            self._drop((framework_id, role, agent_id))

    def next_expiry(self) -> float | None:
        """When the next filter ends."""
        return self._expiry.next_at()

    def expire(self, now: float) -> list[str]:
        """Drop the filters whose time is over; return the agents they were about, each once.

        In the order of the filters' ends: what follows must not hang on the order of a set.
        """
        agents: dict[str, None] = {}
        for key in self._expiry.pop_due(now):
            self._drop(key)
            agents[key[2]] = None
        return list(agents)

    def _drop(self, key: FilterKey) -> None:
        framework_id, role, agent_id = key
        about = self._by_agent.get(agent_id, {})
        if about.pop((framework_id, role), None) is None:
            return
        if not about:
            del self._by_agent[agent_id]
        mine = self._keys[framework_id]
        del mine[key]
        if not mine:
            del self._keys[framework_id]
        self._expiry.cancel(key)
        self._count -= 1
