"""Which server is tried next, and after which pause; pure: chance comes from outside."""

from __future__ import annotations

import random

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Servers:
    """The servers of an ensemble in an order of chance, so that clients spread over them."""

    def __init__(self, hosts: tuple[tuple[str, int], ...], chance: random.Random) -> None:
        self._hosts = list(hosts)
        self._chance = chance
        self._next = 0
        self._failures = 0
        chance.shuffle(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    def next(self) -> tuple[str, int]:
        """The server after the last one."""
        host = self._hosts[self._next % len(self._hosts)]
        self._next += 1
        return host

    def succeeded(self) -> None:
        """The last one answered: pauses begin anew."""
        self._failures = 0

    def failed(self) -> float:
        """How long to pause, in seconds, before the next: longer after each round of all, with
        jitter, so that clients do not come back all at once."""
        rounds, self._failures = self._failures // len(self._hosts), self._failures + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(rounds, 10))
        return pause_s * self._chance.uniform(0.5, 1.0)
