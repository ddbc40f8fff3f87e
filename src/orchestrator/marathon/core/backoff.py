"""The launch delay of apps that keep failing.

Each failure multiplies the delay by the app's factor, up to its maximum; a configuration change
or a request forgets it, and so does staying up for the delay plus the maximum. Source:
RateLimiter.scala of Marathon 1.11.

Marathon 1.11 forgets all delays when another leads. Here they are kept, so that an app that fails
at once is not launched at full speed after every fail-over. A delay is saved when a failure changes
it, together with the instance that failed, and never otherwise: that it is over follows from the
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from orchestrator.marathon.core import keys
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.runtime.machine import Save


class Delay(msgspec.Struct, frozen=True, rename="camel"):
    """How long the next launch waits: until ``deadline``, after a failure at ``since``.

    It is for one configuration of the app or pod.
    """

    app_id: str
    config_version: str
    since: float
    length_s: float

    @property
    def deadline(self) -> float:
        """From when on the app may be launched."""
        return self.since + self.length_s


class Delays:
    """The delay of each app that has failed; a part of ``state``, which saves what changes."""

    def __init__(self) -> None:
        self._by_app: dict[str, Delay] = {}

    def load(
        self, found: Iterable[Delay], spec: Callable[[str], RunSpec | None], now: float
    ) -> list[Save]:
        """Take up what was saved, but for what is of no use any more.

        A failure that another clock dates later than now is taken for one of now, so that no delay
        becomes longer than it was.
        """
        saves = []
        for delay in found:
            app = spec(delay.app_id)
            if app is None or not _is_of(delay, app) or is_over(delay, app, now):
                saves.append(Save(keys.DELAYS + delay.app_id, None))
            else:
                self._by_app[app.id] = replace(delay, since=min(delay.since, now))
        return saves

    def of(self, app_id: str) -> Delay | None:
        """The delay after the last failure, which may be over."""
        return self._by_app.get(app_id)

    def until(self, app: RunSpec, now: float) -> float | None:
        """Until when the app may not be launched; None if it may."""
        delay = self._by_app.get(app.id)
        if delay is None or not _is_of(delay, app):
            return None
        return delay.deadline if delay.deadline > now else None

    def failed(self, app: RunSpec, now: float, least_s: float = 0.0) -> list[Save]:
        """An instance of the app has failed; the next launch waits for ``least_s`` at least."""
        old = self._by_app.get(app.id)
        new = self._by_app[app.id] = after_failure(old, app, now, least_s)
        return [] if new is old else [Save(keys.DELAYS + app.id, msgspec.json.encode(new))]

    def forget(self, app_id: str) -> list[Save]:
        """Launch the app without delay, until it fails again."""
        known = self._by_app.pop(app_id, None)
        return [] if known is None else [Save(keys.DELAYS + app_id, None)]


def after_failure(delay: Delay | None, app: RunSpec, now: float, least_s: float = 0.0) -> Delay:
    """The delay once an instance of the app has failed."""
    if delay is None or not _is_of(delay, app) or is_over(delay, app, now):
        length_s = float(app.backoff_seconds)
    elif now < delay.deadline:
        return delay  # instances that die together count once
    else:
        length_s = delay.length_s * app.backoff_factor
    length_s = min(length_s, float(app.max_launch_delay_seconds))
    return Delay(app.id, app.config_version, now, max(length_s, least_s))


def is_over(delay: Delay, app: RunSpec, now: float) -> bool:
    """Whether nothing has failed for so long that the delay starts over."""
    return now > delay.deadline + app.max_launch_delay_seconds


def _is_of(delay: Delay, app: RunSpec) -> bool:
    return delay.config_version == app.config_version
