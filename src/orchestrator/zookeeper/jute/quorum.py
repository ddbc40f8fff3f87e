"""What leaders and those that learn from them say to each other, on the quorum port.

Packets follow each other without a length before them, so a reader finds out on the way how long
one is; in between stands a whole snapshot (`snapshots`) behind ``SNAP``. A learner that is no
member of the ensemble observes: it hears each transaction when it is committed, and has no vote.

    OBSERVERINFO ->                    who learns; zxid: the newest epoch it accepted
    <- LEADERINFO                      zxid: the leader's epoch
    ACKEPOCH ->                        zxid: the last transaction that was heard
    <- DIFF | TRUNC | SNAP snapshot    how the learner comes level with the leader
    <- (PROPOSAL COMMIT | INFORM)*     what it still has to hear
    <- NEWLEADER   ACK ->
    <- UPTODATE    ACK ->
    <- INFORM*                         and PING, which is echoed
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from orchestrator.zookeeper.jute.errors import FrameError, FrameTooLarge
from orchestrator.zookeeper.jute.wire import INT

_HEAD = struct.Struct(">iqi")  # kind, zxid, length of the data
_INFO = struct.Struct(">qiq")  # sid, protocol, version of the configuration
_NOBODY = b"\xff\xff\xff\xff"  # the list of identities; only requests of clients have one
_PROTOCOL = 0x10000
_MOST_IDENTITIES = 100
NO_EPOCH = b"\xff\xff\xff\xff"
"""In ACKEPOCH: the epoch is known already, so that this learner is in nobody's way."""


class Kind(IntEnum):
    """Kinds of packets; there are others between leaders and voters."""

    REQUEST = 1
    PROPOSAL = 2
    ACK = 3
    COMMIT = 4
    PING = 5
    REVALIDATE = 6
    SYNC = 7
    INFORM = 8
    COMMIT_AND_ACTIVATE = 9
    NEW_LEADER = 10
    FOLLOWER_INFO = 11
    UP_TO_DATE = 12
    DIFF = 13
    TRUNC = 14
    SNAP = 15
    OBSERVER_INFO = 16
    LEADER_INFO = 17
    ACK_EPOCH = 18
    INFORM_AND_ACTIVATE = 19


class Packet(NamedTuple):
    """``kind`` is a number, for a server may say more than `Kind` knows."""

    kind: int
    zxid: int
    data: bytes | None = None


def encode_packet(packet: Packet) -> bytes:
    """A packet in nobody's name."""
    kind, zxid, data = packet
    if data is None:
        return _HEAD.pack(kind, zxid, -1) + _NOBODY
    return _HEAD.pack(kind, zxid, len(data)) + data + _NOBODY


def learner_info(sid: int) -> bytes:
    """The data of ``OBSERVER_INFO``. ``sid`` is the learner's number; the version of the
    configuration is the oldest, or a leader would take the learner to be ahead of it."""
    return _INFO.pack(sid, _PROTOCOL, 0)


def read_packet(data: bytes, at: int, max_bytes: int) -> tuple[Packet | None, int]:
    """The packet at a place, and where it ends. If not all of it is there: None, and how many bytes
    from ``at`` on it takes at least. Raises FrameError, and FrameTooLarge past ``max_bytes``."""
    end = len(data)
    if end - at < _HEAD.size:
        return None, _HEAD.size
    kind, zxid, size = _HEAD.unpack_from(data, at)
    if size > max_bytes:
        raise FrameTooLarge(f"a packet of {size} bytes is longer than {max_bytes}")
    begin = at + _HEAD.size
    stop = begin + size if size > 0 else begin
    if end < stop + 4:
        return None, stop + 4 - at
    body = data[begin:stop] if size >= 0 else None
    if data[stop : stop + 4] == _NOBODY:
        return Packet(kind, zxid, body), stop + 4
    ends, is_whole = _skip_identities(data, stop)
    return (Packet(kind, zxid, body), ends) if is_whole else (None, ends - at)


def _skip_identities(data: bytes, at: int) -> tuple[int, bool]:
    """Where the identities end; or, with False, where they end at the earliest."""
    (count,) = INT.unpack_from(data, at)
    if count > _MOST_IDENTITIES:
        raise FrameError(f"a packet of {count} identities: this is no leader of ZooKeeper's")
    at += 4
    for _ in range(2 * count):  # scheme and name
        if len(data) < at + 4:
            return at + 4, False
        (size,) = INT.unpack_from(data, at)
        if size > _MOST_IDENTITIES * 1024:
            raise FrameError(f"an identity of {size} bytes: this is no leader of ZooKeeper's")
        at += 4 + max(size, 0)
    return at, at <= len(data)
