"""Whether an agent can be used, or is under maintenance. Source: Availability.scala of 1.11."""

from __future__ import annotations

from orchestrator.mesos.types import Offer

_NANOS = 1_000_000_000


def is_available(offer: Offer, now: float, draining_s: float) -> bool:
    """False from ``draining_s`` before a maintenance of the agent begins until it is over."""
    if offer.unavailability is None:
        return True
    start = offer.unavailability.start.nanoseconds / _NANOS
    if now <= start - draining_s:
        return True
    duration = offer.unavailability.duration
    return duration is not None and now > start + duration.nanoseconds / _NANOS
