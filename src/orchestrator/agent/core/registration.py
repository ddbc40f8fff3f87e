"""The link to the master: when it is opened, given up and tried again.

::

    DOWN --moment--> OPENING --opened--> REGISTERING --registered--> REGISTERED
      ^                 |                     |                          |
      +-----------------+------- lost, silent or refused ----------------+

Each failure in a row doubles the wait, from ``FIRST_BACKOFF_S`` to ``MAX_BACKOFF_S``; jitter takes
up to half of it away, so that the agents of a cluster do not all come at once.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.link import Registered

FIRST_BACKOFF_S = 0.25
MAX_BACKOFF_S = 15.0
REGISTER_TIMEOUT_S = 15.0
OPEN_TIMEOUT_S = 15.0


class LinkState(StrEnum):
    """How far the link is."""

    DOWN = "DOWN"
    OPENING = "OPENING"
    REGISTERING = "REGISTERING"
    REGISTERED = "REGISTERED"


class Registration:
    """The link's state and the moment at which something has to happen to it."""

    def __init__(self) -> None:
        self.state = LinkState.DOWN
        self.last_problem: str | None = None
        self._at: float | None = None  # DOWN: open it; else: give it up
        self._failures = 0
        self._silence_s = REGISTER_TIMEOUT_S

    @property
    def is_registered(self) -> bool:
        """Whether the master takes what is sent."""
        return self.state is LinkState.REGISTERED

    def begin(self, now: float) -> None:
        """Open the link at the next occasion."""
        self._at = now

    def wake_at(self) -> float | None:
        """The moment at which the link has to be opened, or given up."""
        return self._at

    def opening(self, now: float) -> None:
        """The link is being opened."""
        self.state, self._at = LinkState.OPENING, now + OPEN_TIMEOUT_S

    def opened(self, now: float) -> None:
        """The link stands and the registration is sent."""
        self.state, self._at = LinkState.REGISTERING, now + REGISTER_TIMEOUT_S

    def registered(self, message: Registered, now: float) -> None:
        """The master has taken the agent in."""
        self.state, self.last_problem, self._failures = LinkState.REGISTERED, None, 0
        self._silence_s = message.ping_timeout_s * max(1, message.max_ping_timeouts)
        self.heard(now)

    def heard(self, now: float) -> None:
        """The master said something, so it is there."""
        if self.is_registered:
            self._at = now + self._silence_s

    def lost(self, reason: str, jitter: float, now: float) -> None:
        """There is no link any more: wait, then try again."""
        self.state, self.last_problem = LinkState.DOWN, reason
        self._at = now + backoff_s(self._failures, jitter)
        self._failures += 1

    def stop(self, reason: str) -> None:
        """Never open it again."""
        self.state, self._at, self.last_problem = LinkState.DOWN, None, reason


def backoff_s(failures: int, jitter: float) -> float:
    """How long to wait after this many failures before; ``jitter`` in [0, 1)."""
    longest = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(failures, 16))
    return longest * (1.0 - jitter / 2)
