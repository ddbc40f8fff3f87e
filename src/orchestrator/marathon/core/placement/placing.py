"""Which instance goes on which offer.

Instances of one app go round the offers in turn, which spreads them over agents. Those with
reservations look for their own; a new one with persistent volumes is given a reservation, and is
launched when that is offered. How the offers stand is in ``shelf``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from orchestrator.marathon.core.condition import Goal
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import ALONE, Fields, Siblings
from orchestrator.marathon.core.placement.launch_stats import LaunchStats, UnusedOffer
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason
from orchestrator.marathon.core.placement.shelf import Found, Line, Shelf
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State


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

    def place(self, app_id: str, shelf: Shelf, most: int | None) -> list[Placement]:
        """What of an app goes where, taken off the offers; no more than ``most`` instances."""
        search = Search(self._state, shelf)
        placed: list[Placement] = []
        for instance in self._waiting(app_id):
            app = self._state.spec_of(instance)
            if app is None:
                continue
            if len(placed) == most:
                break
            if found := search.find(app, instance):
                placed.append(Placement(instance, *found))
            elif not app.is_resident:
                break  # the next one is not different; another may look for its own reservation
        self._count(app_id, search, placed, shelf.now)
        return placed

    def _waiting(self, app_id: str) -> list[Instance]:
        """Those with reservations first, since nothing else can use these."""
        instances = list(self._state.waiting[app_id].values())
        if (app := self._state.spec_of(instances[0])) is not None and app.is_resident:
            instances.sort(key=lambda instance: instance.reservation is None)
        return instances

    def _count(self, app_id: str, search: Search, placed: list[Placement], now: float) -> None:
        """The unused at the end: what was used may have no more room for the next instance."""
        stats = self._stats_of(app_id)
        for placement in placed:
            stats.count_used(placement.offer.offer, now)
        for latest, reasons in search.unused():
            stats.count_unused(latest, reasons)


class Search:
    """One app's way through the offers of an event."""

    def __init__(self, state: State, shelf: Shelf) -> None:
        self._state = state
        self._shelf = shelf
        self._lines: dict[str, Line] = {}  # by the version of the app
        self._siblings: dict[str, Siblings] = {}  # by the configuration they have
        self._placed: list[Fields] = []
        self._passed: dict[str, UnusedOffer] = {}  # by offer: not fit for one instance or another

    def find(self, app: RunSpec, instance: Instance) -> Found | None:
        """An offer for the instance, with what is taken off it."""
        if instance.reservation is not None:
            found = self._find_reserved(app, instance, instance.reservation.role)
        else:
            found = self._find_new(app, instance)
        if found and app.constraints:
            self._note(found[0].fields)
        return found

    def unused(self) -> Iterator[tuple[tuple[UnusedOffer, ...], Mapping[Reason, int]]]:
        """What could not be used, the latest of it, and how often why."""
        for line in self._lines.values():
            yield line.latest_unfit, line.reasons
        passed = tuple(self._passed.values())
        yield passed, Counter(unused.reason for unused in passed)

    def _find_new(self, app: RunSpec, instance: Instance) -> Found | None:
        line = self._lines.get(app.version)
        if line is None:
            line = self._lines[app.version] = self._shelf.line(app)
        found = line.take(app, self._siblings_of(app, instance), instance.task_id)
        if found is None:
            self._pass_over(line.left(), Reason.UNFULFILLED_CONSTRAINT)
        return found

    def _siblings_of(self, app: RunSpec, instance: Instance) -> Siblings:
        if not app.constraints:
            return ALONE
        siblings = self._siblings.get(instance.config_version)
        if siblings is None:
            places = siblings_of(self._state, app, instance)
            siblings = self._siblings[instance.config_version] = Siblings(places + self._placed)
        return siblings

    def _find_reserved(self, app: RunSpec, instance: Instance, role: str) -> Found | None:
        offers = list(self._shelf.for_role(role))
        siblings = Siblings(siblings_of(self._state, app, instance) + self._placed)
        for offer in offers:
            if not offer.holds_for(instance):
                continue
            match offer.match_reserved(app, instance, siblings):
                case Match() as match:
                    offer.take(match)
                    return offer, match
                case Reason() as reason:
                    self._pass_over([offer], reason)
        self._pass_over(offers, Reason.NO_RESERVATION)
        return None

    def _note(self, place: Fields) -> None:
        self._placed.append(place)
        for siblings in self._siblings.values():
            siblings.add(place)

    def _pass_over(self, offers: Iterable[OpenOffer], reason: Reason) -> None:
        for offer in offers:
            key = offer.offer.id.value
            if key not in self._passed:
                self._passed[key] = UnusedOffer(offer.offer, reason, self._shelf.now)


def siblings_of(state: State, app: RunSpec, instance: Instance) -> list[Fields]:
    """Where the app's instances are that will stay; those to be replaced do not count."""
    if not app.constraints:
        return []
    return [
        other.place.fields()
        for other in state.instances_of(app.id)
        if other.place is not None
        and other.goal is Goal.RUNNING
        and other.config_version == instance.config_version
        and (other.condition.is_launched or other.reservation is not None)
        and other.id != instance.id
    ]
