"""A node as a view shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec


class Card(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One node of a view, or the share that one probe has in it."""

    id: str
    label: str
    minor: str = ""
    """What tells it from others of the same label: its host, its namespace."""
    group: str = ""
    """Those with the same one are drawn near each other: an app, a namespace, a host."""
    state: str = ""
    health: str = ""
    members: int = 0
    """Containers or processes in it, where the view adds them up."""
    is_pseudo: bool = False
    """It stands for what no probe sees: the Internet, processes outside of containers."""
    is_own: bool = False
    """Whether the node itself was reported, or only members of it."""
    is_measured: bool = False
    """Whether the metrics are its own."""
    metrics: Mapping[str, float] = {}
    """The node's own, or else the sums over its members."""


def combined(shares: Iterable[Card]) -> Card:
    """One card of several shares: what the node's own probe says, and the members of all.

    Of several that report the node, one that knows its state: others may only know that it is.
    """
    every = list(shares)
    first = max(every, key=lambda share: (share.is_own, bool(share.state)))
    measured = next((share for share in every if share.is_measured), None)
    return Card(
        first.id,
        first.label,
        first.minor,
        first.group,
        first.state,
        first.health,
        sum(share.members for share in every),
        first.is_pseudo,
        first.is_own,
        measured is not None,
        measured.metrics if measured is not None else _sums(every),
    )


def _sums(shares: list[Card]) -> Mapping[str, float]:
    sums: dict[str, float] = {}
    for share in shares:
        for name, value in share.metrics.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums
