"""The launch delay of apps that keep failing.

Each failure multiplies the delay by the app's factor, up to its maximum; a configuration change
or a request forgets it, and so does staying up for the delay plus the maximum. Source:
RateLimiter.scala of Marathon 1.11.
"""

from __future__ import annotations

import msgspec

from orchestrator.marathon.core.run_spec import RunSpec


class Delay(msgspec.Struct, frozen=True):
    """How long the next launch waits: until ``deadline``, after a failure at ``since``."""

    config_version: str
    since: float
    length_s: float

    @property
    def deadline(self) -> float:
        """From when on the app may be launched."""
        return self.since + self.length_s


def after_failure(delay: Delay | None, app: RunSpec, now: float) -> Delay:
    """The delay once an instance of the app has failed."""
    if delay is None or delay.config_version != app.config_version or is_over(delay, app, now):
        length_s = float(app.backoff_seconds)
    elif now < delay.deadline:
        return delay  # instances that die together count once
    else:
        length_s = delay.length_s * app.backoff_factor
    return Delay(app.config_version, now, min(length_s, float(app.max_launch_delay_seconds)))


def is_over(delay: Delay, app: RunSpec, now: float) -> bool:
    """Whether nothing has failed for so long that the delay starts over."""
    return now > delay.deadline + app.max_launch_delay_seconds
