"""How many instances may be launched, so that the master is not asked for more than it can do.

Each launch costs a token. Every so often there are ``limit`` tokens again; and a task that runs
gives one back, so that a fast cluster is not held up. Source: OfferMatcherLaunchTokensActor.scala
of Marathon 1.11.
"""

from __future__ import annotations


class LaunchTokens:
    """Tokens; a limit of 0 is none."""

    def __init__(self, limit: int, interval_s: float) -> None:
        self._limit = limit
        self._interval_s = interval_s
        self._left = limit
        self._next_at = float("-inf")

    @property
    def is_bounded(self) -> bool:
        """Whether there is any limit."""
        return self._limit > 0

    @property
    def has_any(self) -> bool:
        """Whether one more may be launched."""
        return not self.is_bounded or self._left > 0

    @property
    def left(self) -> int | None:
        """How many may be launched; None for as many as there are."""
        return self._left if self.is_bounded else None

    @property
    def next_at(self) -> float:
        """When there are new tokens."""
        return self._next_at

    def refresh(self, now: float) -> None:
        """Begin a new interval if the last is over."""
        if now >= self._next_at:
            self._left = self._limit
            self._next_at = now + self._interval_s

    def take(self) -> None:
        """An instance is launched."""
        self._left -= 1

    def give_back(self) -> None:
        """A task runs."""
        self._left += 1
