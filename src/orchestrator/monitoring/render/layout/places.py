"""The place of every node of a view, kept as the view changes.

A disc has more seats than its group has nodes; a group that outgrows its disc gets a larger one,
as near as there is room, and only its own nodes move. When more groups have come, moved or gone
since the whole was laid out than were there then, it is laid out anew: the picture has changed
beyond what anybody remembers of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.layout import forces, grouping, seats
from orchestrator.monitoring.render.layout.packing import Discs

_ROOM = 1.3  # seats for each node when a disc is made
_LEAST_SEATS = 4
_CROWD = 2.2  # how much area a disc has around itself when all are laid out
_FREE_SEATS_LOOKED_AT = 32


class Place(NamedTuple):
    """Of one node, in units of which neighbours are ``seats.SPACING`` apart."""

    x: float
    y: float


class _Disc:
    """One group, its seats and who sits there."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.centre = (0.0, 0.0)
        self.taken: dict[int, str] = {}

    @property
    def radius(self) -> float:
        return seats.radius(self.capacity)

    def free(self) -> list[int]:
        """The innermost seats that are free."""
        found: list[int] = []
        for number in range(self.capacity):
            if number not in self.taken:
                found.append(number)
                if len(found) == _FREE_SEATS_LOOKED_AT:
                    break
        return found

    def at(self, number: int) -> Place:
        dx, dy = seats.seat(number)
        return Place(self.centre[0] + dx, self.centre[1] + dy)


class Layout:
    """Places by node id."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.groups: dict[str, str] = {}
        """Group by node id; names that begin with a line break are not anybody's words."""
        self._discs: dict[str, _Disc] = {}
        self._seat: dict[str, int] = {}
        self._laid_out = 0  # groups, when all were
        self._disturbed = 0  # groups that came, moved or went since

    def discs(self) -> dict[str, tuple[float, float, float]]:
        """Centre and radius of each group."""
        return {name: (*disc.centre, disc.radius) for name, disc in self._discs.items()}

    def needs_all(self, cards: Mapping[str, Card]) -> bool:
        """Whether ``update`` would lay out everything, which takes a second for 10,000 nodes."""
        if self.places and self._disturbed < max(self._laid_out, 1):
            return False
        return any(id not in self.places for id in cards)

    def update(self, cards: Mapping[str, Card], edges: Iterable[Pair]) -> set[str]:
        """Follow a view; returns the nodes that have a new place."""
        if cards.keys() == self.places.keys():
            return set()
        new = [id for id in cards if id not in self.places]
        gone = [id for id in self.places if id not in cards]
        for id in gone:
            self._forget(id)
        if not new:
            return set()
        pairs = list(edges)
        if self._disturbed >= max(self._laid_out, 1) or not self.places:
            return self._lay_out(cards, pairs)
        return self._seat_all(new, cards, pairs)

    def _forget(self, id: str) -> None:
        group = self.groups.pop(id)
        del self.places[id]
        disc = self._discs[group]
        del disc.taken[self._seat.pop(id)]
        if not disc.taken:
            del self._discs[group]
            self._disturbed += 1

    def _lay_out(self, cards: Mapping[str, Card], edges: list[Pair]) -> set[str]:
        """Everything from the beginning."""
        before = self.places
        self.places, self._seat, self._discs = {}, {}, {}
        ordered = {id: cards[id] for id in sorted(cards)}  # groups hang on the order
        self.groups = grouping.groups_of(ordered, sorted(edges))
        members: dict[str, list[str]] = {}
        for id in ordered:
            members.setdefault(self.groups[id], []).append(id)
        self._spread(members, _between(self.groups, edges))
        for group, ids in members.items():
            for number, id in enumerate(ids):
                self._sit(id, group, number)
        self._laid_out, self._disturbed = len(members), 0
        return {id for id, place in self.places.items() if before.get(id) != place}

    def _spread(
        self, members: Mapping[str, list[str]], weights: Mapping[tuple[str, str], float]
    ) -> None:
        names = sorted(members)
        points = forces.positions(names, weights)
        for name in names:
            self._discs[name] = _Disc(max(int(len(members[name]) * _ROOM), _LEAST_SEATS))
        area = sum(self._discs[name].radius ** 2 for name in names) * _CROWD
        extent = max(float((points**2).sum(axis=1).max()) ** 0.5, 1.0)
        scale = area**0.5 / extent
        packed = Discs()
        order = sorted(range(len(names)), key=lambda n: (float((points[n] ** 2).sum()), names[n]))
        for n in order:
            disc = self._discs[names[n]]
            wish = (float(points[n][0]) * scale, float(points[n][1]) * scale)
            disc.centre = packed.add(wish, disc.radius)

    def _seat_all(self, new: list[str], cards: Mapping[str, Card], edges: list[Pair]) -> set[str]:
        """Seats for new nodes; groups that have none left move."""
        neighbours = _neighbours(set(new), edges)
        moved: set[str] = set()
        coming: dict[str, list[str]] = {}
        for id in sorted(new):
            known = [self.groups[one] for one in neighbours.get(id, ()) if one in self.groups]
            group = self.groups[id] = grouping.group_of_new(cards[id], known)
            coming.setdefault(group, []).append(id)
        for group, ids in coming.items():
            self._make_room(group, len(ids), ids, neighbours, moved)
            for id in ids:
                near = [self.places[one] for one in neighbours.get(id, ()) if one in self.places]
                self._sit(id, group, self._best_seat(self._discs[group], near))
                moved.add(id)
        return moved

    def _make_room(
        self,
        group: str,
        count: int,
        ids: list[str],
        neighbours: Mapping[str, set[str]],
        moved: set[str],
    ) -> None:
        disc = self._discs.get(group)
        needed = count + (len(disc.taken) if disc is not None else 0)
        if disc is not None and needed <= disc.capacity:
            return
        grown = _Disc(max(int(needed * _ROOM), _LEAST_SEATS))
        wish = disc.centre if disc is not None else self._middle(ids, neighbours)
        packed = Discs()
        for name, other in self._discs.items():
            if name != group:
                packed.put(other.centre, other.radius)
        grown.centre = packed.add(wish, grown.radius)
        self._discs[group] = grown
        self._disturbed += 1
        for number, id in sorted(disc.taken.items()) if disc is not None else ():
            self._sit(id, group, number)
            moved.add(id)

    def _middle(self, ids: list[str], neighbours: Mapping[str, set[str]]) -> tuple[float, float]:
        """Of what new nodes talk to."""
        near = [
            self.places[one]
            for id in ids
            for one in sorted(neighbours.get(id, ()))
            if one in self.places
        ]
        return _mean(near)

    def _best_seat(self, disc: _Disc, near: list[Place]) -> int:
        free = disc.free()
        if not near:
            return free[0]
        x, y = _mean(near)
        return min(free, key=lambda n: _apart(disc.at(n), x, y))

    def _sit(self, id: str, group: str, number: int) -> None:
        disc = self._discs[group]
        disc.taken[number] = id
        self._seat[id] = number
        self.places[id] = disc.at(number)


def _apart(place: Place, x: float, y: float) -> float:
    return (place.x - x) ** 2 + (place.y - y) ** 2


def _mean(places: list[Place]) -> tuple[float, float]:
    if not places:
        return (0.0, 0.0)
    count = len(places)
    return sum(place.x for place in places) / count, sum(place.y for place in places) / count


def _between(groups: Mapping[str, str], edges: list[Pair]) -> dict[tuple[str, str], float]:
    """How many edges there are between each two groups."""
    weights: dict[tuple[str, str], float] = {}
    for source, target in edges:
        one, other = groups[source], groups[target]
        if one != other:
            pair = (one, other) if one < other else (other, one)
            weights[pair] = weights.get(pair, 0.0) + 1
    return weights


def _neighbours(ids: set[str], edges: list[Pair]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for source, target in edges:
        if source in ids:
            found.setdefault(source, set()).add(target)
        if target in ids:
            found.setdefault(target, set()).add(source)
    return found
