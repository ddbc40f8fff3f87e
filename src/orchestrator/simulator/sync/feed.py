"""How the changes of an ensemble are heard: as an observer of its stream, or with watches.

An observer hears every transaction with its session, goes on behind its position as long as the
ensemble still has what came after, and gets a fuzzy snapshot otherwise: nodes are copied one after
the other while writes go on. With watches, what happened since the last look is shown as the nodes
are now: without sessions, without lifetimes, several changes as one; and after every interruption
there is a snapshot. Either is delayed, and interrupted now and then, and may be the other then.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.sync.ensemble import Ensemble
from orchestrator.zookeeper.jute.records import Znode, lifetime
from orchestrator.zookeeper.source import (
    Event,
    Interrupted,
    Reached,
    Seen,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
    Transaction,
)

_CHUNK = 3


class Feed:
    """One side's source; ``say`` takes what is heard."""

    def __init__(
        self,
        kernel: Kernel,
        ensemble: Ensemble,
        say: Callable[[Event], None],
        opened: Callable[[], None],
        *,
        is_watching: bool,
        switches: bool,
        forgets: bool,
    ) -> None:
        self._kernel = kernel
        self._ensemble = ensemble
        self._say = say
        self._opened = opened
        self.is_watching = is_watching
        self._switches = is_watching and switches
        self._streamed_at: int | None = None  # the end of the snapshot that began the stream
        self.forgets = forgets
        self._position: int | None = None
        self._term = 0  # what was meant for an earlier one is not said any more
        self.slowness = 1.0
        self._is_listening = False

    def follow(self, position: int | None) -> None:
        """Begin, behind a position or with a snapshot."""
        self._term += 1
        self._position = position
        self._is_listening = False
        is_lost = self.forgets and self._kernel.chance(0.3)
        if self._switches and (self._streamed_at is None or self._streamed_at >= (position or 0)):
            is_lost = True  # some of it was only watched
        if position is None or self.is_watching or is_lost:
            self._snapshot()
        else:
            self._later(self._listen)

    @property
    def reveals(self) -> bool:
        """Whether it streams, and only watched before."""
        return self._switches and not self.is_watching and self._streamed_at is None

    @property
    def is_idle(self) -> bool:
        """Whether everything was heard."""
        return self._position == self._ensemble.zxid and self._is_listening

    def stop(self) -> None:
        """Nobody listens any more."""
        self._term += 1

    def interrupt(self) -> None:
        """The connection is lost; it comes back by itself."""
        self._term += 1
        self._say(Interrupted("the connection was lost"))
        term = self._term
        delay_s = self._kernel.between(0.05, 2.0)
        self._kernel.after(delay_s, lambda: self._again(term))

    def _again(self, term: int) -> None:
        if term != self._term:
            return
        if self._switches and self._kernel.chance(0.3):
            self.is_watching = not self.is_watching
            self._streamed_at = None
            self._opened()
        self.follow(self._position)

    # --- transactions --------------------------------------------------------------------------

    def _later(self, action: Callable[[], None]) -> None:
        term = self._term
        delay_s = self._kernel.between(0.001, 0.05) * self.slowness
        self._kernel.after(delay_s, lambda: action() if term == self._term else None)

    def _listen(self) -> None:
        assert self._position is not None
        self._is_listening = True
        first = self._position
        news = [t for t in self._ensemble.log[-2_000:] if t.zxid > first]
        if self.is_watching:
            self._look(news)
        else:
            for transaction in news[: self._kernel.random.randint(1, 5)]:
                self._position = transaction.zxid
                self._say(transaction)
        if self._position == first:
            self._say(Reached(first))
        self._later(self._listen)

    def _look(self, news: list[Transaction]) -> None:
        """What watches named is read; what is read may be newer still."""
        if not news:
            return
        changed = sorted({step.path for t in news for step in t.steps})
        steps = tuple(Seen(path, _visible(self._ensemble.get(path))) for path in changed)
        self._position = self._ensemble.zxid
        self._say(Transaction(self._position, 0, news[-1].time, steps))

    # --- snapshots -----------------------------------------------------------------------------

    def _snapshot(self) -> None:
        at, self._position, self._streamed_at = self._ensemble.zxid, None, None
        paths = self._ensemble.paths()
        self._say(SnapshotStarted(len(paths)))
        self._later(lambda: self._copy(paths, at))

    def _copy(self, paths: list[str], at: int) -> None:
        size = self._kernel.random.randint(1, _CHUNK * 4)
        found = [(p, node) for p in paths[:size] if (node := self._ensemble.get(p)) is not None]
        if self.is_watching:
            found = [(p, n) for p, node in found if (n := _visible(node)) is not None]
        self._say(SnapshotNodes(found))
        if paths[size:]:
            self._later(lambda: self._copy(paths[size:], at))
            return
        self._position = at
        self._streamed_at = None if self.is_watching else at
        self._say(SnapshotEnded(at))
        self._later(self._listen)


def _visible(node: Znode | None) -> Znode | None:
    """A node as clients see it: containers and times to live are not shown."""
    if node is None or lifetime(node.owner).session:
        return node
    return replace(node, owner=0)
