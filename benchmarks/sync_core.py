"""What the sync's engine itself costs, without sockets: ``python -m benchmarks.sync_core``.

Both sides are in memory; every write is answered, and its transaction heard, at once.

``update_us``        processor time of an update of A that is written to B: heard, planned, saved as
                     an intent, answered, heard again, settled; in transactions of 20 (median)
``single_us``        the same in transactions of 1
``percent_at_10k``   of one core, at 10,000 updates a second in transactions of 20
``digest_us``        the baseline: digest and hash of one value, which every update needs twice
``fill_us``          processor time of a node of the initial snapshot, loaded and written to B
``node_bytes``       memory of a node on which both sides agree, with its path
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Sequence

from benchmarks import harness
from orchestrator.migration.core.content import AclTable, Content, digest
from orchestrator.migration.core.effects import Barrier, Create, Effect, SetData, Write
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import (
    BarrierPassed,
    Event,
    Heard,
    SessionOpened,
    SourceOpened,
    Written,
)
from orchestrator.migration.core.hashing import node_hash
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.zookeeper import source
from orchestrator.zookeeper.jute.records import OPEN, Znode
from orchestrator.zookeeper.source import Created, DataSet, Step, Transaction

_VALUE = b"x" * 90
_ROUNDS = 5


class Pair:
    """An engine between two ensembles that do what they are asked at once."""

    def __init__(self, nodes: int) -> None:
        self.now = 1_000.0
        self.zxid = [10, 10]
        self.paths = [f"/services/group-{n % 100}/node-{n:07}" for n in range(nodes)]
        self._versions = dict.fromkeys(self.paths, 0)
        self._writes: list[Write] = []
        self.engine = Engine(Settings(), {}, self.now)
        for side in SIDES:
            self._tell(SourceOpened(side, True))
            self._tell(SessionOpened(side, Role.WRITER, 100 + side))
        self._perform(self.engine.wake(self.now))

    @property
    def own_bytes(self) -> int:
        """What the bench itself keeps; the paths are shared."""
        return sys.getsizeof(self._versions)

    def fill(self) -> None:
        """Load A, and let B be written."""
        parents = ["/services", *(f"/services/group-{n}" for n in range(100))]
        znode = Znode(_VALUE, OPEN, 0, 0, 0, 0, 1, 1, 1)
        for side in SIDES:
            paths = [*parents, *self.paths] if side is Side.A else []
            self._hear(side, source.SnapshotStarted(len(paths)))
            for first in range(0, len(paths), 1_000):
                part = [(path, znode) for path in paths[first : first + 1_000]]
                self._hear(side, source.SnapshotNodes(part))
            self._hear(side, source.SnapshotEnded(self.zxid[side]))
        self._answer()

    def update(self, count: int, together: int) -> None:
        """Set values on A, so many in a transaction."""
        for first in range(0, count, together):
            steps = []
            for number in range(first, first + together):
                path = self.paths[number % len(self.paths)]
                self._versions[path] += 1
                steps.append(
                    DataSet(path, b"%d" % self._versions[path] + _VALUE, self._versions[path])
                )
            self.zxid[0] += 1
            self._hear(Side.A, Transaction(self.zxid[0], 7, number, tuple(steps)))
            self._answer()
            self.now += 0.001
            due = self.engine.wake_at()
            if due is not None and due <= self.now:
                self._perform(self.engine.wake(self.now))

    def _answer(self) -> None:
        while self._writes:
            writes, self._writes = self._writes, []
            for write in writes:
                self.zxid[write.side] += 1
                zxid = self.zxid[write.side]
                steps = tuple([_step(op) for op in write.ops])
                self._hear(write.side, Transaction(zxid, 100 + write.side, 5, steps))
                self._tell(Written(write.batch, zxid))

    def _hear(self, side: Side, event: source.Event) -> None:
        self._tell(Heard(side, event))

    def _tell(self, event: Event) -> None:
        self._perform(self.engine.handle(event, self.now))

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if type(effect) is Write:
                self._writes.append(effect)
            elif type(effect) is Barrier:
                side, token = effect
                self._tell(BarrierPassed(side, token, self.zxid[side]))


def _step(op: object) -> Step:
    if type(op) is SetData:
        return DataSet(op.path, op.data, op.version + 1)
    assert type(op) is Create
    return Created(op.path, op.data, op.acl, 0, 1)


def _update_us(pair: Pair, count: int, together: int) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        pair.update(count, together)
        rounds.append((time.process_time() - begin) / count * 1e6)
    return harness.median(rounds)


def _digest_us(count: int) -> float:
    acls = AclTable()
    number = acls.number(OPEN)
    begin = time.process_time()
    for n in range(count):
        content = Content(digest(b"%d" % n + _VALUE), number, 0)
        node_hash("/services/group-1/node-0000001", content, acls)
    return (time.process_time() - begin) / count * 1e6


def _node_bytes(nodes: int) -> float:
    tracemalloc.start()
    pair = Pair(nodes)
    pair.fill()
    pair.update(20, 20)
    pair.paths.clear()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert pair.engine.status(pair.now).is_equal
    return (held - pair.own_bytes) / nodes


def main() -> None:
    """Measure, and report."""
    flags = harness.parser(__doc__ or "").parse_args()
    nodes, count = (5_000, 2_000) if flags.quick else (100_000, 20_000)
    begin = time.process_time()
    pair = Pair(nodes)
    pair.fill()
    figures = {"fill_us": (time.process_time() - begin) / nodes * 1e6}
    figures["update_us"] = _update_us(pair, count, 20)
    figures["single_us"] = _update_us(pair, count, 1)
    figures["percent_at_10k"] = figures["update_us"] / 1e6 * 10_000 * 100
    figures["digest_us"] = _digest_us(count)
    figures["node_bytes"] = _node_bytes(nodes)
    assert pair.engine.status(pair.now).is_equal
    harness.report("sync_core", figures, flags.json)


if __name__ == "__main__":
    main()
