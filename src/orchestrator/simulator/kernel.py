"""Virtual time: a queue of what happens when, and the one source of chance.

Nothing in the simulator waits or reads a clock. What takes time is put into the queue for a later
moment; ``run`` takes the earliest entry, moves the clock there and performs it. Entries of the same
moment keep the order in which they were put in, and all chance comes from one generator, so a seed
decides everything.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

START_S = 1_000.0  # virtual Unix seconds at which every run begins
Action = Callable[[], None]


class Appointment:
    """Something to come; ``cancel`` makes it not happen."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        """Let it not happen; it may be over already."""
        self.action = None


class Kernel:
    """The clock, the queue and the generator of one run; ``events`` counts what was performed."""

    def __init__(self, seed: int) -> None:
        self.now = START_S
        self.random = Random(seed)
        self.events = 0
        self._queue: list[tuple[float, int, Appointment]] = []
        self._count = 0  # breaks ties: first come, first served
        self._names: dict[str, int] = {}

    def after(self, delay_s: float, action: Action) -> Appointment:
        """Have something happen ``delay_s`` seconds from now (at once, but later, for 0)."""
        return self.at(self.now + delay_s, action)

    def at(self, moment: float, action: Action) -> Appointment:
        """Have something happen at a moment; one that is over means now."""
        appointment = Appointment(action)
        self._count += 1
        heapq.heappush(self._queue, (max(moment, self.now), self._count, appointment))
        return appointment

    def run(self, until: float, max_events: int) -> bool:
        """Perform what happens up to a moment; False when ``max_events`` were not enough."""
        while self._queue and self._queue[0][0] <= until:
            if self.events >= max_events:
                return False
            moment, _, appointment = heapq.heappop(self._queue)
            action, appointment.action = appointment.action, None
            if action is None:
                continue
            self.now = moment
            self.events += 1
            action()
        self.now = until
        return True

    # --- chance --------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.random.random() < probability

    def between(self, least: float, most: float) -> float:
        """A number of a range, any as likely as any other."""
        return self.random.uniform(least, most)

    def name(self, kind: str) -> str:
        """A name nobody had before: ``link-7``."""
        number = self._names[kind] = self._names.get(kind, 0) + 1
        return f"{kind}-{number}"
