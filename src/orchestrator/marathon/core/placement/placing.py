"""Which instance goes on which offer.

Instances of one app go round the offers in turn, which spreads them over agents. Those with
reservations look for their own; a new one with persistent volumes is given a reservation, and is
launched when that is offered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from orchestrator.marathon.core.condition import Goal
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import Fields
from orchestrator.marathon.core.placement.launch_stats import LaunchStats
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State

_CHANGEABLE = (Reason.UNFULFILLED_CONSTRAINT, Reason.NO_RESERVATION)
"""Why an offer was not used that the app's next instance may use all the same."""


class Placement(msgspec.Struct, frozen=True):
    """An instance and what it takes of an offer."""

    instance: Instance
    offer: OpenOffer
    match: Match


class Placer:
    """Finds offers for what waits; ``stats_of`` keeps what was found, by app."""

    def __init__(self, state: State, stats_of: Callable[[str], LaunchStats]) -> None:
        self._state = state
        self._stats_of = stats_of

    def place(self, app_id: str, offers: Sequence[OpenOffer], most: int | None) -> list[Placement]:
        """What of an app goes where, taken off the offers; no more than ``most`` instances."""
        limit = self._state.settings.max_launches_per_offer
        turn = deque(o for o in offers if o.launches < limit and not o.is_full)
        unsuited: list[OpenOffer] = []  # for the time being: the next placement may change it
        placed: list[Placement] = []
        for instance in self._waiting(app_id):
            app = self._state.spec_of(instance)
            if app is None:
                continue
            if len(placed) == most:
                break
            siblings = self.siblings(app, instance)
            if app.constraints:
                siblings += [p.offer.fields for p in placed]
            found = self._find(app, instance, turn, unsuited, siblings)
            if found is None and not app.is_resident:
                break  # the next one is not different; another may look for its own reservation
            turn.extend(unsuited)
            unsuited.clear()
            if found is not None:
                found.offer.take(found.match)
                placed.append(found)
                if found.offer.launches < limit:
                    turn.append(found.offer)
        return placed

    def _waiting(self, app_id: str) -> list[Instance]:
        """Those with reservations first, since nothing else can use these."""
        instances = list(self._state.waiting[app_id].values())
        if (app := self._state.spec_of(instances[0])) is not None and app.is_resident:
            instances.sort(key=lambda instance: instance.reservation is None)
        return instances

    def _find(
        self,
        app: RunSpec,
        instance: Instance,
        turn: deque[OpenOffer],
        unsuited: list[OpenOffer],
        siblings: Sequence[Fields],
    ) -> Placement | None:
        role = instance.reservation.role if instance.reservation else app.role
        stats = self._stats_of(app.id)
        while turn:
            offer = turn.popleft()
            if offer.role not in (None, role):
                continue  # it was made to apps of another role
            match self._match(offer, app, instance, siblings):
                case Match() as match:
                    stats.count_used(offer.offer, self._state.now)
                    return Placement(instance, offer, match)
                case Reason() as reason:
                    stats.count_unused(offer.offer, reason, self._state.now)
                    if reason in _CHANGEABLE or instance.reservation is not None:
                        unsuited.append(offer)
        return None

    def _match(
        self, offer: OpenOffer, app: RunSpec, instance: Instance, siblings: Sequence[Fields]
    ) -> Match | Reason:
        if instance.reservation is not None:
            return offer.match_reserved(app, instance, siblings)
        return offer.match(app, siblings, instance.task_id)

    def siblings(self, app: RunSpec, instance: Instance) -> list[Fields]:
        """Where the app's instances are that will stay; those to be replaced do not count."""
        if not app.constraints:
            return []
        return [
            other.place.fields()
            for other in self._state.instances_of(app.id)
            if other.place is not None
            and other.goal is Goal.RUNNING
            and other.config_version == instance.config_version
            and (other.condition.is_launched or other.reservation is not None)
            and other.id != instance.id
        ]
