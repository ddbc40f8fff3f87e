"""What an observer says to a leader, and what is made of what it hears (see `jute.quorum`). Pure.

    hello = learner.hello()                      the first bytes
    heard, answer = learner.receive(data)        for all bytes, as they come

A learner that wishes a snapshot says that its last transaction is the first of an epoch that no
leader has reached: leaders of 3.5 and newer have no other answer to that than ``SNAP``. If one
answers otherwise (`NoSnapshot`), the next learner says that it has nothing, with ``from_nothing``:
it then gets a snapshot or every transaction that there was.

What a new leader tells before ``UPTODATE`` might be taken back, if it dies before its followers
have it. The next leader then answers ``TRUNC``, and so everything is read anew.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from orchestrator.zookeeper.jute.errors import FrameError
from orchestrator.zookeeper.jute.quorum import (
    NO_EPOCH,
    Kind,
    Packet,
    encode_packet,
    learner_info,
    read_packet,
)
from orchestrator.zookeeper.jute.records import OPEN, Znode
from orchestrator.zookeeper.jute.snapshots import SnapshotReader
from orchestrator.zookeeper.jute.transactions import read_transaction
from orchestrator.zookeeper.source import (
    Event,
    Reached,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
)
from orchestrator.zookeeper.stream.translation import ReadAnew, Translator
from orchestrator.zookeeper.stream.unread import Unread

_NEVER = 0x7FFFFFFF << 32
_ROOT = Znode(b"", OPEN, 0, 0, 0, 0, 0, 0, 0)
_MOST_PROPOSED = 1_000
_MOST_NODES = 1_000
_ACTIVATION_BYTES = 8  # the next leader's number, before a transaction that changes the members


class NoSnapshot(Exception):  # noqa: N818 - no error: the next learner asks otherwise
    """The leader does not answer the wish for a snapshot with one."""


class Stage(StrEnum):
    """How far a learner is."""

    GREETING = "greeting"
    SYNCING = "syncing"
    SNAPSHOT = "snapshot"
    CATCHING_UP = "catching up"
    LIVE = "live"


class Learner:
    """One connection to a leader. ``position`` is the last transaction that was heard, None
    without any; afterwards, it is what the next learner may go on from."""

    def __init__(
        self,
        sid: int,
        position: int | None,
        translator: Translator,
        max_bytes: int,
        *,
        from_nothing: bool = False,
    ) -> None:
        self.stage = Stage.GREETING
        self.position = position
        self._sid = sid
        self._translator = translator
        self._max_bytes = max_bytes
        self._from_nothing = from_nothing
        self._unread = Unread()
        self._snapshot = SnapshotReader(max_bytes)
        self._snapshot_zxid = 0
        self._epoch = 0
        self._proposed: deque[Packet] = deque()
        self._events: list[Event] = []
        self._answer: list[bytes] = []
        self._reached = False

    def hello(self) -> bytes:
        """It says that it knows no epoch, so that it has no part in what the next one is."""
        return encode_packet(Packet(Kind.OBSERVER_INFO, 0, learner_info(self._sid)))

    def receive(self, data: bytes) -> tuple[list[Event], bytes]:
        """What bytes tell, and what to answer. Raises FrameError, ReadAnew and NoSnapshot; the
        connection is then of no more use."""
        data = self._unread.add(data)
        if data:
            at, wanted = 0, 0
            while not wanted:
                at, wanted = self._read(data, at)
            self._unread.keep(data[at:], wanted)
        if self._reached and self.position is not None and self.stage is Stage.LIVE:
            self._events.append(Reached(self.position))
        self._reached = False
        events, self._events = self._events, []
        answer, self._answer = self._answer, []
        return events, b"".join(answer)

    def _read(self, data: bytes, at: int) -> tuple[int, int]:
        """Where reading ended, and how many bytes it takes to go on; 0 if there may be more."""
        if self.stage is Stage.SNAPSHOT:
            return self._read_snapshot(data, at)
        packet, number = read_packet(data, at, self._max_bytes)
        if packet is None:
            return at, number
        self._take(packet)
        return number, 0

    # --- coming level --------------------------------------------------------------------------

    def _take(self, packet: Packet) -> None:
        if self.stage is Stage.GREETING:
            self._greeted(packet)
        elif self.stage is Stage.SYNCING:
            self._begin(packet)
        else:
            self._hear(packet)

    def _greeted(self, packet: Packet) -> None:
        if packet.kind != Kind.LEADER_INFO:
            raise FrameError("the quorum port does not answer as a leader does (TLS, or SASL?)")
        self._epoch = packet.zxid
        last = self.position
        if last is None:
            last = 0 if self._from_nothing else _NEVER
        self._answer.append(encode_packet(Packet(Kind.ACK_EPOCH, last, NO_EPOCH)))
        self.stage = Stage.SYNCING

    def _begin(self, packet: Packet) -> None:
        if packet.kind == Kind.SNAP:
            self._snapshot_zxid = packet.zxid
            self._start_snapshot()
            self.stage = Stage.SNAPSHOT
        elif self.position is None:
            self._begin_from_nothing(packet)
        elif packet.kind == Kind.DIFF:
            self.stage = Stage.CATCHING_UP
        else:
            raise ReadAnew("the ensemble has taken back transactions that were heard")

    def _begin_from_nothing(self, packet: Packet) -> None:
        if not self._from_nothing or packet.kind != Kind.DIFF:
            raise NoSnapshot
        self._start_snapshot()
        self._tell_nodes([("/", _ROOT)])
        self._end_snapshot(0)

    def _start_snapshot(self) -> None:
        self.position = None
        self._translator.begin()
        self._events.append(SnapshotStarted(None))

    def _read_snapshot(self, data: bytes, at: int) -> tuple[int, int]:
        nodes, at, wanted = self._snapshot.read(data, at)
        self._tell_nodes(nodes)
        if self._snapshot.is_done:
            self._end_snapshot(self._snapshot_zxid)
        return at, wanted

    def _tell_nodes(self, nodes: list[tuple[str, Znode]]) -> None:
        shown = self._translator.nodes(nodes)
        for at in range(0, len(shown), _MOST_NODES):
            self._events.append(SnapshotNodes(shown[at : at + _MOST_NODES]))

    def _end_snapshot(self, zxid: int) -> None:
        self._events.append(SnapshotEnded(zxid))
        self.position = zxid
        self.stage = Stage.CATCHING_UP

    # --- hearing -------------------------------------------------------------------------------

    def _hear(self, packet: Packet) -> None:
        kind = packet.kind
        if kind == Kind.INFORM:
            self._committed(packet.data, 0)
        elif kind == Kind.INFORM_AND_ACTIVATE:
            self._committed(packet.data, _ACTIVATION_BYTES)
        elif kind == Kind.PING:
            self._answer.append(encode_packet(Packet(Kind.PING, packet.zxid, b"")))
            self._reached = True
        elif kind == Kind.PROPOSAL:
            if len(self._proposed) >= _MOST_PROPOSED:
                raise FrameError(f"more than {_MOST_PROPOSED} proposals that are not committed")
            self._proposed.append(packet)
        elif kind in (Kind.COMMIT, Kind.COMMIT_AND_ACTIVATE):
            self._commit(packet.zxid)
        elif kind == Kind.NEW_LEADER:
            self._answer.append(encode_packet(Packet(Kind.ACK, packet.zxid)))
        elif kind == Kind.UP_TO_DATE:
            self._answer.append(encode_packet(Packet(Kind.ACK, self._epoch)))
            self.stage, self._reached = Stage.LIVE, True
        # what else there is answers requests, which this learner has none of

    def _commit(self, zxid: int) -> None:
        if not self._proposed or self._proposed[0].zxid != zxid:
            raise FrameError(f"transaction 0x{zxid:x} is committed, but was not proposed")
        self._committed(self._proposed.popleft().data, 0)

    def _committed(self, data: bytes | None, at: int) -> None:
        header, body = read_transaction(data or b"", at)
        if self.position is None or header.zxid <= self.position:
            return  # a part of the snapshot, or heard before
        self.position = header.zxid
        transaction = self._translator.transaction(header, body)
        if transaction is None:
            self._reached = True
        else:
            self._events.append(transaction)
