"""The offers of one event while all that waits is placed on them.

Most apps that wait need what another app has just been refused, so apps of equal needs share a
*line* of offers: what does not fit is taken out of it, and no app of these needs looks at it again.
An app with constraints has a line of its own, in which agents that its constraints cannot tell
apart stand together, and are asked about once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator, Sequence

from orchestrator.marathon.core.placement.constraints import Siblings, field_of
from orchestrator.marathon.core.placement.launch_stats import MAX_AGENTS, UnusedOffer
from orchestrator.marathon.core.placement.matching import (
    Match,
    OpenOffer,
    Reason,
    is_kept_from_gpus,
)
from orchestrator.marathon.core.run_spec import RunSpec

Found = tuple[OpenOffer, Match]


class Shelf:
    """Offers, in the order in which they came; no more than ``most`` launches on each."""

    def __init__(self, offers: Sequence[OpenOffer], most: int, now: float) -> None:
        self._offers = offers
        self.now = now
        self._most = most
        self._shared: dict[Hashable, Line] = {}

    def line(self, app: RunSpec) -> Line:
        """Where a new instance of the app may look."""
        if app.constraints or app.is_resident:
            return Line(app, self)
        needs = _needs(app)
        line = self._shared.get(needs)
        if line is None:
            line = self._shared[needs] = Line(app, self)
        return line

    def for_role(self, role: str) -> Iterator[OpenOffer]:
        """The offers that were made to a role, or to nobody in particular, and have room."""
        return (o for o in self._offers if o.role in (None, role) and self.has_room(o))

    def has_room(self, offer: OpenOffer) -> bool:
        """Whether one more launch may be made on the offer, whatever it needs."""
        return offer.launches < self._most and not offer.is_full


class Line:
    """Offers for apps of equal needs; ``reasons`` says why some are of no use to any of them."""

    def __init__(self, app: RunSpec, shelf: Shelf) -> None:
        self._shelf = shelf
        self._groups: OrderedDict[Hashable, deque[OpenOffer]] = OrderedDict()
        self._unfit: deque[UnusedOffer] = deque(maxlen=MAX_AGENTS)
        self._latest: tuple[UnusedOffer, ...] | None = None
        self.reasons: Counter[Reason] = Counter()
        if not app.constraints:
            self._groups[None] = deque(shelf.for_role(app.role))
            return
        fields = [field_of(constraint) for constraint in app.constraints]
        for offer in shelf.for_role(app.role):
            seen = (offer.is_near(app), *map(offer.fields.get, fields))
            self._groups.setdefault(seen, deque()).append(offer)

    def take(self, app: RunSpec, siblings: Siblings, seed: str) -> Found | None:
        """The next offer with room for an instance, which is taken off it; None if there is none.

        The groups take turns, and the offers of a group too, which spreads instances over agents.
        """
        for _ in range(len(self._groups)):
            group, offers = self._groups.popitem(last=False)
            found = self._take_of(offers, app, siblings, seed)
            if offers:
                self._groups[group] = offers
            if found:
                return found
        return None

    @property
    def latest_unfit(self) -> tuple[UnusedOffer, ...]:
        """The last offers of which that is so: one object for all who ask until there are more."""
        if self._latest is None:
            self._latest = tuple(self._unfit)
        return self._latest

    def left(self) -> Iterator[OpenOffer]:
        """What is in no place for the next instance, but may be for one after that."""
        return (offer for offers in self._groups.values() for offer in offers)

    def _take_of(
        self, offers: deque[OpenOffer], app: RunSpec, siblings: Siblings, seed: str
    ) -> Found | None:
        """The same of one group; offers that no instance can use any more go out of it."""
        if not app.constraints or offers[0].is_met(app, siblings):
            return self._first(offers, app, siblings, seed)
        if not offers[0].may_yet_be_met(app, siblings):
            self._refuse(offers, app)
        return None

    def _first(
        self, offers: deque[OpenOffer], app: RunSpec, siblings: Siblings, seed: str
    ) -> Found | None:
        while offers:
            offer = offers.popleft()
            if not self._shelf.has_room(offer):
                continue
            match offer.match(app, siblings, seed):
                case Match() as match:
                    offer.take(match)
                    offers.append(offer)
                    return offer, match
                case Reason() as reason:
                    self._note(offer, reason)
        return None

    def _refuse(self, offers: deque[OpenOffer], app: RunSpec) -> None:
        """What constraints rule out for good; that nothing is for the app's role counts before."""
        for offer in offers:
            has_any = offer.usable_for(app)
            self._note(offer, Reason.UNFULFILLED_CONSTRAINT if has_any else Reason.UNFULFILLED_ROLE)
        offers.clear()

    def _note(self, offer: OpenOffer, reason: Reason) -> None:
        self._unfit.append(UnusedOffer(offer.offer, reason, self._shelf.now))
        self._latest = None
        self.reasons[reason] += 1


def _needs(app: RunSpec) -> Hashable:
    """All that decides whether an offer has room for an app without constraints and volumes."""
    extra = app.executor_resources if app.has_custom_executor else None
    return (
        app.role,
        tuple(app.accepted_resource_roles or ()),
        (app.cpus, app.mem, app.disk, app.gpus),
        extra and (extra.cpus, extra.mem, extra.disk),
        tuple(app.host_ports),
        is_kept_from_gpus(app),
    )
