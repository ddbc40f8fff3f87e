"""An engine on a bench: both sides are loaded and steady, and every write is answered by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.migration.core.effects import (
    Barrier,
    Check,
    Create,
    Delete,
    Effect,
    Op,
    Read,
    Reply,
    SetAcl,
    SetData,
    Write,
)
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import (
    BarrierPassed,
    Command,
    Event,
    Heard,
    Operated,
    ReadDone,
    SessionOpened,
    Shown,
    SourceOpened,
    Written,
)
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.zookeeper import source
from orchestrator.zookeeper.jute.records import OPEN, Znode
from orchestrator.zookeeper.source import AclSet, Created, DataSet, Deleted, Step, Transaction

WRITERS = (100, 200)
PROXIES = (101, 201)
CLIENT = 7


def node(data: bytes | None, version: int = 0, mtime: int = 1) -> Znode:
    return Znode(data, OPEN, 0, version, 0, 0, mtime, 1, 1)


def created(path: str, data: bytes | None = b"", owner: int = 0) -> Created:
    return Created(path, data, OPEN, owner, 1)


class Bench:
    """``sent`` holds what the engine asked for and nobody has taken yet."""

    def __init__(
        self,
        a: Mapping[str, Znode] | None = None,
        b: Mapping[str, Znode] | None = None,
        settings: Settings | None = None,
        records: Mapping[str, bytes] | None = None,
    ) -> None:
        self.now = 1_000.0
        self.zxid = [10, 10]
        self.records: dict[str, bytes] = dict(records or {})
        self.sent: list[Effect] = []
        self.replies: dict[int, Reply] = {}
        self.engine = Engine(settings or Settings(), dict(self.records), self.now)
        for side in SIDES:
            self.tell(SourceOpened(side, True))
            self.tell(SessionOpened(side, Role.WRITER, WRITERS[side]))
            self.tell(SessionOpened(side, Role.PROXY, PROXIES[side]))
        self._perform(self.engine.wake(self.now))
        if not records:
            self.load(a or {}, b or {})

    def load(self, a: Mapping[str, Znode], b: Mapping[str, Znode]) -> None:
        for side, nodes in zip(SIDES, (a, b), strict=True):
            self.load_side(side, nodes)

    def load_side(self, side: Side, nodes: Mapping[str, Znode]) -> None:
        self.hear(side, source.SnapshotStarted(len(nodes)))
        self.hear(side, source.SnapshotNodes(sorted(nodes.items())))
        self.hear(side, source.SnapshotEnded(self.zxid[side]))

    def hear(self, side: Side, event: source.Event) -> None:
        self.tell(Heard(side, event))

    def change(
        self,
        side: Side,
        *steps: Step,
        session: int = CLIENT,
        time: int = 5_000,
        closed: bool = False,
    ) -> None:
        self.zxid[side] += 1
        self.hear(side, Transaction(self.zxid[side], session, time, steps, closed))

    def command(self, command: Command) -> Reply | None:
        self.tell(Operated(1, command))
        return self.replies.pop(1, None)

    def tell(self, event: Event) -> None:
        self._perform(self.engine.handle(event, self.now))

    def later(self, seconds: float) -> None:
        self.now += seconds
        self._perform(self.engine.wake(self.now))

    def writes(self) -> list[Write]:
        """All batches that were sent and not answered."""
        found = [effect for effect in self.sent if isinstance(effect, Write)]
        self.sent = [effect for effect in self.sent if not isinstance(effect, Write)]
        return found

    def reads(self) -> list[Read]:
        found = [effect for effect in self.sent if isinstance(effect, Read)]
        self.sent = [effect for effect in self.sent if not isinstance(effect, Read)]
        return found

    def show(self, read: Read, nodes: Mapping[str, Znode]) -> None:
        shown = tuple(Shown(path, nodes.get(path)) for path in read.paths)
        self.tell(ReadDone(read.side, read.token, shown))

    def answer_reads(self, nodes: Mapping[str, bytes]) -> None:
        """All that was asked for, as both sides have it."""
        for read in self.reads():
            self.show(read, {path: node(data) for path, data in nodes.items()})

    def apply(self, write: Write, *steps: Step) -> None:
        """The batch is applied, heard, and answered."""
        session = (WRITERS if write.role is Role.WRITER else PROXIES)[write.side]
        self.change(write.side, *steps, session=session, time=9_000)
        self.tell(Written(write.batch, self.zxid[write.side]))

    def apply_all(self) -> int:
        """Apply creations and settings of data until nothing more is sent; how many batches."""
        count = 0
        while writes := self.writes():
            for write in writes:
                self.apply(write, *(step_of(op) for op in write.ops))
                count += 1
        return count

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Save(key, None):
                    self.records.pop(key, None)
                case Save(key, bytes() as value):
                    self.records[key] = value
                case Barrier(side, token):
                    self.tell(BarrierPassed(side, token, self.zxid[side]))
                case Reply():
                    self.replies[effect.token] = effect
                case _:
                    self.sent.append(effect)


def step_of(op: Op) -> Step:
    match op:
        case Create():
            return Created(op.path, op.data, op.acl, 0, 1)
        case SetData():
            return DataSet(op.path, op.data, op.version + 1)
        case SetAcl():
            return AclSet(op.path, op.acl, op.version + 1)
        case Delete():
            return Deleted(op.path)
        case Check():
            raise AssertionError("the engine sends no checks")
