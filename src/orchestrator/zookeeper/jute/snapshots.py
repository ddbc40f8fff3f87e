"""A whole tree as a leader sends it: sessions, access lists by number, and every node.

``SnapshotReader`` is given bytes as they arrive and holds no more than the node that is not yet
whole; only the table of access lists grows, with what is in it. Nodes come depth first, parents
before their children. Writes go on while a leader sends, so a node may have an access list that
is not in the table; whoever reads on hears of it in a later transaction.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.errors import FrameError, FrameTooLarge
from orchestrator.zookeeper.jute.records import OPEN, Acls, Znode

Nodes = list[tuple[str, Znode]]
SIGNATURE = wire.text("BenWasHere")
"""What a snapshot ends with."""

_INT = wire.INT
_SESSION = struct.Struct(">qi")
_NODE = struct.Struct(">qqqqqiiiqq")  # access list, then StatPersisted
_OPEN_NUMBER = -1
_END = b"/"
_LONGEST_END = 256  # servers may put a digest before the signature


class SnapshotReader:
    """Reads one; ``is_done`` behind its signature."""

    def __init__(self, max_bytes: int) -> None:
        self.is_done = False
        self.sessions = 0
        self._max_bytes = max_bytes
        self._acls: dict[int, Acls] = {_OPEN_NUMBER: OPEN}
        self._left = -1
        self._stage: Callable[[bytes, int, Nodes], tuple[int, int]] = self._read_sessions

    def read(self, data: bytes, at: int) -> tuple[Nodes, int, int]:
        """The nodes that are whole, where reading ended, and how many bytes from there it takes to
        go on. Raises FrameError."""
        found: Nodes = []
        wanted = 0
        try:
            while not wanted and not self.is_done:
                at, wanted = self._stage(data, at, found)
        except UnicodeError as error:
            raise wire.broken(error) from error
        return found, at, wanted

    def _read_sessions(self, data: bytes, at: int, found: Nodes) -> tuple[int, int]:
        """They are counted; whose nodes are whose is said by the nodes."""
        if self._left < 0:
            if len(data) - at < 4:
                return at, 4
            (count,) = _INT.unpack_from(data, at)
            if count < 0:
                raise FrameError(f"a snapshot of {count} sessions")
            self.sessions = self._left = count
            at += 4
        whole = min(self._left, (len(data) - at) // _SESSION.size)
        at += whole * _SESSION.size
        self._left -= whole
        if self._left > 0:
            return at, _SESSION.size
        self._left, self._stage = -1, self._read_acls
        return at, 0

    def _read_acls(self, data: bytes, at: int, found: Nodes) -> tuple[int, int]:
        try:
            if self._left < 0:
                (self._left,) = _INT.unpack_from(data, at)
                at += 4
            while self._left > 0:
                (number,) = wire.LONG.unpack_from(data, at)
                self._acls[number], end = self._whole_acls(data, at + 8)
                at, self._left = end, self._left - 1
        except (struct.error, _Short):
            self._refuse(len(data) - at)
            return at, len(data) - at + 1
        self._stage = self._read_nodes
        return at, 0

    def _whole_acls(self, data: bytes, at: int) -> tuple[Acls, int]:
        try:
            return wire.read_acls(data, at)
        except FrameError as error:  # a text that ends behind what is there
            raise _Short from error

    def _read_nodes(self, data: bytes, at: int, found: Nodes) -> tuple[int, int]:
        """All that are whole; the loop is what a snapshot's time is spent in."""
        end, acls, stat_bytes = len(data), self._acls, _NODE.size
        read_int, read_node = _INT.unpack_from, _NODE.unpack_from
        while True:
            if end - at < 5:
                return at, 5
            name_at = at + 4
            name_end = name_at + read_int(data, at)[0]
            if name_end == name_at + 1 and data[name_at:name_end] == _END:
                self._stage = self._read_end
                return name_end, 0
            if name_end < name_at:
                raise FrameError("a node without a path in a snapshot")
            data_at = name_end + 4
            if end < data_at:
                self._refuse(data_at - at)
                return at, data_at - at
            (size,) = read_int(data, name_end)
            stat_at = data_at + size if size > 0 else data_at
            after = stat_at + stat_bytes
            if end < after:
                self._refuse(after - at)
                return at, after - at
            number, czxid, mzxid, _, mtime, version, cversion, aversion, owner, _ = read_node(
                data, stat_at
            )
            znode = Znode(
                data[data_at:stat_at] if size >= 0 else None,
                acls.get(number),
                owner,
                version,
                cversion,
                aversion,
                mtime,
                mzxid,
                czxid,
            )
            try:
                path = data[name_at:name_end].decode()
            except UnicodeDecodeError:
                path, _ = wire.read_text(data, at)
            found.append((path or "/", znode))
            at = after

    def _read_end(self, data: bytes, at: int, found: Nodes) -> tuple[int, int]:
        place = data.find(SIGNATURE, at, at + _LONGEST_END + len(SIGNATURE))
        if place >= 0:
            self.is_done = True
            return place + len(SIGNATURE), 0
        if len(data) - at >= _LONGEST_END + len(SIGNATURE):
            raise FrameError("a snapshot does not end with its signature")
        return at, max(len(SIGNATURE), len(data) - at + 1)

    def _refuse(self, size: int) -> None:
        if size > self._max_bytes:
            raise FrameTooLarge(f"a part of {size} bytes in a snapshot is over {self._max_bytes}")


class _Short(Exception):  # noqa: N818 - no error: more is to come
    pass
