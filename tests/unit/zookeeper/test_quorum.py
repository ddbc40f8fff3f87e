"""The codecs of the quorum port: what is written is read, however it is cut, and else refused."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.zookeeper import leader

from orchestrator.zookeeper.jute import quorum
from orchestrator.zookeeper.jute.errors import FrameError, FrameTooLarge
from orchestrator.zookeeper.jute.quorum import Kind, Packet
from orchestrator.zookeeper.jute.records import (
    CONTAINER_OWNER,
    OPEN,
    Acl,
    Znode,
    ttl_owner,
)
from orchestrator.zookeeper.jute.snapshots import SnapshotReader
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
    read_transaction,
)

MANY = 2**20
SESSION = 0x100_0000_0000_0001
INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PATHS = NAMES.map(lambda name: "/" + name)
BUFFERS = st.none() | st.binary(max_size=100)
ACLS = st.lists(st.builds(Acl, INTS, NAMES, NAMES), max_size=3).map(tuple)
OWNERS = st.sampled_from([0, SESSION, CONTAINER_OWNER, ttl_owner(5_000)])
PARTS = (
    st.builds(CreateTxn, PATHS, BUFFERS, ACLS, OWNERS, INTS)
    | st.builds(DeleteTxn, PATHS)
    | st.builds(SetDataTxn, PATHS, BUFFERS, INTS)
    | st.builds(SetAclTxn, PATHS, ACLS, INTS)
    | st.builds(CheckTxn, PATHS, INTS)
    | st.builds(ErrorTxn, INTS)
)
BODIES = (
    PARTS
    | st.builds(OpenSessionTxn, INTS)
    | st.builds(CloseSessionTxn, st.none() | st.lists(PATHS, max_size=3).map(tuple))
    | st.builds(MultiTxn, st.lists(PARTS, max_size=4).map(tuple))
)
ZNODES = st.builds(Znode, BUFFERS, ACLS | st.just(OPEN), LONGS, *[INTS] * 3, *[LONGS] * 3)
PACKETS = st.builds(Packet, INTS, LONGS, BUFFERS)


@given(st.lists(PACKETS, max_size=4), st.integers(0, 40))
def test_packets_are_read_as_they_were_written(packets: list[Packet], more: int) -> None:
    data = b"".join(map(quorum.encode_packet, packets)) + bytes(more)
    at, found = 0, []
    for _ in packets:
        packet, at = quorum.read_packet(data, at, MANY)
        found.append(packet)
    assert (found, at) == (packets, len(data) - more)


@given(PACKETS, st.data())
def test_a_part_of_a_packet_says_how_much_it_takes_to_go_on(
    packet: Packet, data: st.DataObject
) -> None:
    whole = quorum.encode_packet(packet)
    size = data.draw(st.integers(0, len(whole) - 1))
    found, wanted = quorum.read_packet(whole[:size], 0, MANY)
    assert found is None
    assert size < wanted <= len(whole)


def test_identities_in_a_packet_are_passed_over() -> None:
    identity = struct.pack(">i2si1s", 2, b"ip", 1, b"x")
    data = quorum.encode_packet(Packet(5, 1, b"d"))[:-4] + struct.pack(">i", 1) + identity
    assert quorum.read_packet(data + b"more", 0, MANY) == (Packet(5, 1, b"d"), len(data))
    for size in range(len(data)):
        found, wanted = quorum.read_packet(data[:size], 0, MANY)
        assert found is None
        assert size < wanted <= len(data)


def test_what_is_longer_than_allowed_is_refused_by_its_length() -> None:
    with pytest.raises(FrameTooLarge):
        quorum.read_packet(struct.pack(">iqi", 8, 1, 2_000), 0, 1_000)
    with pytest.raises(FrameError):
        quorum.read_packet(struct.pack(">iqii", 8, 1, 0, 2**30), 0, 1_000)


def test_a_learner_says_who_it_is_as_java_reads_it() -> None:
    packet = quorum.encode_packet(Packet(Kind.OBSERVER_INFO, 0, quorum.learner_info(3)))
    assert packet.hex() == (
        "00000010" "0000000000000000" "00000014"
        "0000000000000003" "00010000" "0000000000000000" "ffffffff"
    )  # fmt: skip


@given(BODIES, LONGS, INTS, LONGS, LONGS, st.sampled_from([b"", leader.DIGEST]))
def test_transactions_are_read_as_they_were_written(
    body: Body, session: int, cxid: int, zxid: int, time: int, digest: bytes
) -> None:
    kind = leader.part(body)[0]
    header = TxnHeader(SESSION, cxid, zxid, time, kind)
    assert read_transaction(leader.transaction(header, body, digest)) == (header, body)


@given(BODIES, st.data())
def test_half_a_transaction_is_a_frame_error(body: Body, data: st.DataObject) -> None:
    whole = leader.transaction(TxnHeader(SESSION, 1, 2, 3, 0), body, b"")
    cut = data.draw(st.integers(0, len(whole) - 1))
    with suppress(FrameError):
        header, found = read_transaction(whole[:cut])
        assert header.type in (-11, 14) or found == body  # of which less may be whole, too


@given(st.binary(max_size=100))
def test_bytes_that_are_no_transaction_are_a_frame_error(data: bytes) -> None:
    with suppress(FrameError):
        read_transaction(data)


def test_a_part_that_was_made_an_error_says_nothing_in_what_is_left_of_it() -> None:
    """A leader tells a failed multi so, when it tells it again."""
    written = leader.transaction(
        TxnHeader(1, 2, 3, 4, 14), MultiTxn((SetDataTxn("/a", b"1", 1), ErrorTxn(-101)))
    )
    changed = written.replace(struct.pack(">ii", 5, 15), struct.pack(">ii", -1, 15))
    assert changed != written
    assert read_transaction(changed)[1] == MultiTxn((ErrorTxn(0), ErrorTxn(-101)))


def test_a_transaction_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(FrameError, match="type 99"):
        read_transaction(struct.pack(">qiqqi", 1, 2, 3, 4, 99))


@given(
    st.dictionaries(PATHS, ZNODES, max_size=6),
    st.dictionaries(LONGS, INTS, max_size=3),
    st.sampled_from([b"", struct.pack(">qiq", 1, 2, 3)]),
    st.data(),
)
def test_a_snapshot_is_read_however_it_is_cut(
    tree: dict[str, Znode], sessions: dict[int, int], digest: bytes, data: st.DataObject
) -> None:
    tree.pop("/", None)
    nodes = [("/", Znode(b"", OPEN, 0, 0, 0, 0, 0, 0, 0)), *tree.items()]
    raw = leader.snapshot(nodes, sessions, digest) + b"rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    reader, found, held = SnapshotReader(MANY), [], b""
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        held += raw[start:end]
        if not reader.is_done:
            part, at, wanted = reader.read(held, 0)
            found += part
            held = held[at:]
            assert reader.is_done or wanted > len(held)
    assert (found, held, reader.sessions) == (nodes, b"rest", len(sessions))


def test_an_access_list_that_is_not_in_the_table_is_not_known() -> None:
    raw = leader.snapshot([("/", Znode(b"", None, 0, 0, 0, 0, 0, 0, 0))])
    [(_, znode)], _, _ = SnapshotReader(MANY).read(raw, 0)
    assert znode.acl is None


@given(st.binary(max_size=300))
def test_bytes_that_are_no_snapshot_end_or_wait(data: bytes) -> None:
    with suppress(FrameError):
        _, at, wanted = SnapshotReader(MANY).read(data, 0)
        assert 0 <= at <= len(data)
        assert wanted > len(data) - at


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31 - 1])
def test_a_length_that_cannot_be_is_refused(length: int) -> None:
    empty = struct.pack(">ii", 0, 0)
    with pytest.raises(FrameError):
        SnapshotReader(MANY).read(empty + struct.pack(">i", length) + bytes(10), 0)


def test_a_snapshot_without_its_signature_is_refused() -> None:
    with pytest.raises(FrameError, match="signature"):
        SnapshotReader(MANY).read(struct.pack(">iii", 0, 0, 1) + b"/" + bytes(400), 0)
