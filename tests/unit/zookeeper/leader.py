"""What a leader writes on its quorum port: written here by struct, as its Java does."""

import struct

from msgspec.structs import astuple

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.quorum import Kind, Packet, encode_packet
from orchestrator.zookeeper.jute.records import CONTAINER_OWNER, OPEN, Acls, Znode, lifetime
from orchestrator.zookeeper.jute.transactions import (
    Body,
    CheckTxn,
    CloseSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    OpenSessionTxn,
    SetAclTxn,
    SetDataTxn,
    TxnHeader,
)

DIGEST = struct.pack(">iq", 2, 1234567890)


def part(body: Body) -> tuple[int, bytes]:  # noqa: PLR0911 - one for each type
    """A transaction's type, and its body."""
    match body:
        case CreateTxn():
            return _create(body)
        case DeleteTxn(path):
            return 2, wire.text(path)
        case SetDataTxn(path, data, version):
            return 5, wire.text(path) + wire.buffer(data) + wire.pack_int(version)
        case SetAclTxn(path, acl, version):
            return 7, wire.text(path) + wire.acls(acl) + wire.pack_int(version)
        case CheckTxn(path, version):
            return 13, wire.text(path) + wire.pack_int(version)
        case ErrorTxn(error):
            return -1, wire.pack_int(error)
        case OpenSessionTxn(timeout_ms):
            return -10, wire.pack_int(timeout_ms)
        case CloseSessionTxn(paths):
            return -11, b"" if paths is None else wire.texts(list(paths))
        case MultiTxn(txns):
            parts = [(kind, raw) for kind, raw in map(part, txns)]
            written = [wire.pack_int(kind) + wire.buffer(raw) for kind, raw in parts]
            return 14, wire.pack_int(len(parts)) + b"".join(written)


def _create(body: CreateTxn) -> tuple[int, bytes]:
    common = wire.text(body.path) + wire.buffer(body.data) + wire.acls(body.acl)
    owner, cversion = body.owner, body.cversion
    lives = lifetime(owner)
    if lives.container:
        return 19, common + wire.pack_int(cversion)
    if lives.ttl_ms:
        return 21, common + wire.pack_int(cversion) + wire.LONG.pack(lives.ttl_ms)
    return 15, common + (b"\x01" if owner else b"\x00") + wire.pack_int(cversion)


def transaction(header: TxnHeader, body: Body, digest: bytes = DIGEST) -> bytes:
    """As it is logged, with the type that belongs to its body."""
    kind, raw = part(body)
    return struct.pack(">qiqqi", *astuple(header)[:4], kind) + raw + digest


def snapshot(
    nodes: list[tuple[str, Znode]], sessions: dict[int, int] | None = None, digest: bytes = b""
) -> bytes:
    """A tree, in the order that it is given in."""
    sessions = sessions or {}
    numbers: dict[Acls, int] = {OPEN: -1}
    for _, znode in nodes:
        if znode.acl is not None:
            numbers.setdefault(znode.acl, len(numbers))
    lists = [wire.LONG.pack(number) + wire.acls(acl) for acl, number in numbers.items()]
    return b"".join(
        [
            wire.pack_int(len(sessions)),
            *[struct.pack(">qi", *each) for each in sessions.items()],
            wire.pack_int(len(lists)),
            *lists,
            *[_node(path, znode, numbers.get(znode.acl or (), 9_999)) for path, znode in nodes],
            wire.text("/") + digest + wire.text("BenWasHere"),
        ]
    )


def _node(path: str, znode: Znode, acl: int) -> bytes:
    stat = struct.pack(
        ">qqqqqiiiqq",
        acl,
        znode.czxid,
        znode.mzxid,
        0,
        znode.mtime,
        znode.version,
        znode.cversion,
        znode.aversion,
        znode.owner,
        0,
    )
    return wire.text("" if path == "/" else path) + wire.buffer(znode.data) + stat


class Leader:
    """Its side of a conversation; it counts its transactions."""

    epoch = 5

    def __init__(self) -> None:
        self.zxid = self.epoch << 32

    def greeting(self) -> bytes:
        return encode_packet(Packet(Kind.LEADER_INFO, self.epoch << 32, wire.pack_int(0x10000)))

    def logged(self, body: Body, session: int = 7) -> bytes:
        """The next transaction."""
        self.zxid += 1
        return transaction(TxnHeader(session, 1, self.zxid, 1_000, 0), body)

    def inform(self, body: Body, session: int = 7) -> bytes:
        raw = self.logged(body, session)
        return encode_packet(Packet(Kind.INFORM, self.zxid, raw))

    def proposed(self, body: Body, session: int = 7) -> bytes:
        """As the transactions of a DIFF are sent."""
        raw = self.logged(body, session)
        packets = [Packet(Kind.PROPOSAL, self.zxid, raw), Packet(Kind.COMMIT, self.zxid)]
        return b"".join(map(encode_packet, packets))

    def snap(self, nodes: list[tuple[str, Znode]]) -> bytes:
        return encode_packet(Packet(Kind.SNAP, self.zxid)) + snapshot(nodes)

    def diff(self) -> bytes:
        return encode_packet(Packet(Kind.DIFF, self.zxid))

    def level(self) -> bytes:
        """The learner is on its level."""
        new = Packet(Kind.NEW_LEADER, self.epoch << 32, b"server.1=x")
        return encode_packet(new) + encode_packet(Packet(Kind.UP_TO_DATE, -1))

    def ping(self) -> bytes:
        return encode_packet(Packet(Kind.PING, self.zxid))


def container(path: str) -> CreateTxn:
    return CreateTxn(path, b"", OPEN, CONTAINER_OWNER, 1)
