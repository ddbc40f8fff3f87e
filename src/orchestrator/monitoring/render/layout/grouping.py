"""Into which groups nodes go: by what they say of themselves, or else by communities of the graph.

Communities are Leiden's (V. Traag and others, "From Louvain to Leiden", 2019), by igraph, which is
loaded only when nodes without a group are connected. Many small communities are no help to
anybody: nodes that are alone go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair

ALONE = "\nalone"
OUTSIDE = "\noutside"


def groups_of(cards: Mapping[str, Card], edges: Iterable[Pair]) -> dict[str, str]:
    """The group of every node."""
    groups = {id: _named(card) for id, card in cards.items()}
    nameless = [id for id, group in groups.items() if not group]
    if nameless:
        groups.update(_communities(nameless, edges))
    return groups


def group_of_new(card: Card, neighbours: Iterable[str]) -> str:
    """The group of one more node: its own, or that of most of its neighbours."""
    named = _named(card)
    if named:
        return named
    votes: dict[str, int] = {}
    for group in neighbours:
        votes[group] = votes.get(group, 0) + 1
    return min(votes, key=lambda group: (-votes[group], group)) if votes else ALONE


def _named(card: Card) -> str:
    return OUTSIDE if card.is_pseudo and not card.group else card.group


def _communities(ids: list[str], edges: Iterable[Pair]) -> dict[str, str]:
    numbers = {id: number for number, id in enumerate(ids)}
    inner = [
        (numbers[source], numbers[target])
        for source, target in edges
        if source in numbers and target in numbers
    ]
    found = dict.fromkeys(ids, ALONE)
    if not inner:
        return found
    for members in _leiden(len(ids), inner):
        if len(members) > 1:
            name = f"\ncommunity {ids[min(members)]}"
            found.update({ids[member]: name for member in members})
    return found


def _leiden(count: int, edges: list[tuple[int, int]]) -> list[list[int]]:
    import igraph  # noqa: PLC0415 - 30 MB that most views never need

    igraph.set_random_number_generator(_Steady())
    graph = igraph.Graph(n=count, edges=edges)
    communities: list[list[int]] = list(
        graph.community_leiden(objective_function="modularity", n_iterations=2)
    )
    return communities


class _Steady:
    """The same numbers each time, so that the same graph is divided in the same way."""

    def __init__(self) -> None:
        self._state = 12345

    def random(self) -> float:
        """In [0, 1): a linear congruential generator with the constants of Numerical Recipes."""
        self._state = (self._state * 1664525 + 1013904223) % 2**32
        return self._state / 2**32

    def randint(self, low: int, high: int) -> int:
        """Between both, inclusive."""
        return low + int(self.random() * (high - low + 1))

    def getrandbits(self, bits: int) -> int:
        """So many of them."""
        return int(self.random() * 2**bits)

    def gauss(self, mean: float, deviation: float) -> float:
        """Nearly normal: the sum of twelve even ones."""
        return mean + deviation * (sum(self.random() for _ in range(12)) - 6)
