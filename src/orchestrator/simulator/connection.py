"""One end of a connection, as its owner sees it; ``network`` moves what is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrator.simulator.network import Network

Deliver = Callable[[object], None]


class Fin:
    """The last thing that an end sends."""


FIN: Final = Fin()


class End:
    """One end of a connection; its owner sets ``hear`` and ``lose`` and calls the rest.

    ``lose`` is called once when the other side closes or the connection breaks, never after the
    owner has closed the end itself.
    """

    def __init__(self, network: Network, node: str, number: int) -> None:
        self.node = node
        self.number = number
        self.is_open = True
        self.hear: Deliver = ignore
        self.lose: Callable[[str], None] = ignore
        self.peer: End
        self.is_dead = False  # nothing arrives any more, and nobody is told
        self.outbox: deque[object] = deque()
        self.stuck = 0  # how many of the outbox wait for a cut to heal
        self.clear_at = 0.0
        self._network = network

    def send(self, message: object) -> None:
        """Send, unless the end is closed."""
        if self.is_open:
            self._network.transmit(self, message)

    def close(self) -> None:
        """Close, after what was sent; the other side hears of it."""
        if self.is_open:
            self._network.transmit(self, FIN)
            self.is_open = False
            self._network.forget(self)

    def vanish(self) -> None:
        """Be gone without a word, as with the machine."""
        self.is_open = False
        self.outbox.clear()
        self._network.forget(self)

    def break_off(self, reason: str) -> None:
        """Let the owner find that the connection is no more."""
        if self.is_open:
            self.vanish()
            self.lose(reason)


def ignore(_: object) -> None:
    """Nobody listens."""
