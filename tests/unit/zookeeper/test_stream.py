"""An observer's part: what it says, what it makes of what it hears, and when it begins anew."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.zookeeper.leader import Leader, container
from tests.unit.zookeeper.recorded import CONVERSATION

from orchestrator.zookeeper.jute.errors import FrameError
from orchestrator.zookeeper.jute.quorum import Kind, Packet, encode_packet, read_packet
from orchestrator.zookeeper.jute.records import CONTAINER_OWNER, OPEN, Acl, Znode, lifetime
from orchestrator.zookeeper.jute.transactions import (
    CheckTxn,
    CloseSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    OpenSessionTxn,
    SetAclTxn,
    SetDataTxn,
)
from orchestrator.zookeeper.source import (
    AclSet,
    Created,
    DataSet,
    Deleted,
    Event,
    Reached,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
    Transaction,
)
from orchestrator.zookeeper.stream.addresses import quorum_of
from orchestrator.zookeeper.stream.learner import Learner, NoSnapshot, Stage
from orchestrator.zookeeper.stream.translation import ReadAnew, Translator

SESSION = 7
PLAIN = Znode(b"", OPEN, 0, 0, 0, 0, 0, 0, 0)
MINE = replace(PLAIN, owner=SESSION)


class Conversation:
    """A learner and its leader."""

    def __init__(self, position: int | None = None, root: str = "", **named: bool) -> None:
        self.leader = Leader()
        self.translator = Translator(root)
        self.learner = Learner(3, position, self.translator, 2**20, **named)
        self.answers: list[Packet] = []

    def hear(self, *said: bytes) -> list[Event]:
        events, answer = self.learner.receive(b"".join(said))
        at = 0
        while at < len(answer):
            packet, at = read_packet(answer, at, 2**20)
            assert packet is not None
            self.answers.append(packet)
        return events

    def live(self, *nodes: tuple[str, Znode]) -> None:
        """Come level."""
        self.hear(self.leader.greeting(), self.leader.snap(list(nodes)), self.leader.level())
        assert self.learner.stage is Stage.LIVE


def test_a_snapshot_is_told_and_everything_is_acknowledged() -> None:
    talk = Conversation()
    leader = talk.leader
    events = talk.hear(leader.greeting(), leader.snap([("/", PLAIN), ("/a", MINE)]), leader.level())
    assert events == [
        SnapshotStarted(None),
        SnapshotNodes([("/", PLAIN), ("/a", MINE)]),
        SnapshotEnded(5 << 32),
        Reached(5 << 32),
    ]
    kinds = [(each.kind, each.zxid) for each in talk.answers]
    assert kinds == [(Kind.ACK_EPOCH, 0x7FFFFFFF << 32), (Kind.ACK, 5 << 32), (Kind.ACK, 5 << 32)]


def test_a_position_is_gone_on_from_and_nothing_is_told_twice() -> None:
    talk = Conversation((5 << 32) + 1)
    leader = talk.leader
    sets = [leader.proposed(SetDataTxn("/a", b"%d" % n, n)) for n in range(3)]
    events = talk.hear(leader.greeting(), leader.diff(), *sets, leader.level())
    assert [type(each) for each in events] == [Transaction, Transaction, Reached]
    assert [each.zxid & 0xFF for each in events if isinstance(each, Transaction)] == [2, 3]
    assert talk.answers[0].zxid == (5 << 32) + 1
    assert talk.learner.position == leader.zxid


@pytest.mark.parametrize("cut", [1, 7, 50])
def test_it_hears_the_same_however_bytes_are_cut(cut: int) -> None:
    leader = Leader()
    said = b"".join(
        [
            leader.greeting(),
            leader.snap([("/", PLAIN), ("/a", PLAIN)]),
            leader.inform(CreateTxn("/b", b"x" * 100, OPEN, 0, 2)),
            leader.level(),
            leader.inform(DeleteTxn("/b")),
        ]
    )
    whole, pieces = Conversation(), Conversation()
    events = [e for at in range(0, len(said), cut) for e in pieces.hear(said[at : at + cut])]
    nodes = [node for e in events if isinstance(e, SnapshotNodes) for node in e.nodes]
    assert nodes == [("/", PLAIN), ("/a", PLAIN)]
    assert [e for e in events if isinstance(e, Transaction)] == [
        e for e in whole.hear(said) if isinstance(e, Transaction)
    ]
    assert pieces.answers == whole.answers


def test_each_kind_of_transaction_is_told_with_all_that_it_says() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    leader, acl = talk.leader, (Acl(1, "ip", "::1"),)
    events = talk.hear(
        leader.inform(CreateTxn("/a", None, acl, SESSION, 4), SESSION),
        leader.inform(container("/c"), SESSION),
        leader.inform(SetDataTxn("/a", b"1", 1), SESSION),
        leader.inform(SetAclTxn("/a", OPEN, 1), SESSION),
        leader.inform(DeleteTxn("/c"), 0),
    )
    assert events == [
        Transaction((5 << 32) + 1, 7, 1_000, (Created("/a", None, acl, SESSION, 4),)),
        Transaction((5 << 32) + 2, 7, 1_000, (Created("/c", b"", OPEN, CONTAINER_OWNER, 1),)),
        Transaction((5 << 32) + 3, 7, 1_000, (DataSet("/a", b"1", 1),)),
        Transaction((5 << 32) + 4, 7, 1_000, (AclSet("/a", OPEN, 1),)),
        Transaction((5 << 32) + 5, 0, 1_000, (Deleted("/c"),)),
    ]


def test_a_multi_is_one_unit_and_one_that_failed_is_nothing() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    good = MultiTxn((CheckTxn("/a", 1), SetDataTxn("/a", b"1", 1), DeleteTxn("/b")))
    bad = MultiTxn((ErrorTxn(0), SetDataTxn("/a", b"2", 2), ErrorTxn(-110)))
    events = talk.hear(talk.leader.inform(good), talk.leader.inform(bad))
    steps = (DataSet("/a", b"1", 1), Deleted("/b"))
    assert events == [
        Transaction((5 << 32) + 1, SESSION, 1_000, steps),
        Reached((5 << 32) + 2),
    ]


def test_what_changes_nothing_that_is_seen_is_reached() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    events = talk.hear(
        talk.leader.inform(OpenSessionTxn(1_000)),
        talk.leader.inform(ErrorTxn(-101)),
        talk.leader.inform(SetDataTxn("/zookeeper/config", b"", 1)),
    )
    assert events == [Reached((5 << 32) + 3)]


def test_the_end_of_a_session_ends_the_nodes_that_it_names() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN), ("/a", MINE))
    close = talk.leader.inform(CloseSessionTxn(("/a", "/zookeeper/x")), SESSION)
    (event,) = talk.hear(close)
    assert event == Transaction((5 << 32) + 1, SESSION, 1_000, (Deleted("/a"),), True)


def test_where_a_server_names_none_its_nodes_are_known() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN), ("/a", MINE), ("/gone", MINE), ("/b", replace(MINE, owner=8)))
    leader = talk.leader
    talk.hear(
        leader.inform(DeleteTxn("/gone")), leader.inform(CreateTxn("/n", b"", OPEN, SESSION, 1))
    )
    (event,) = talk.hear(leader.inform(CloseSessionTxn(None), SESSION))
    assert isinstance(event, Transaction)
    assert event.steps == (Deleted("/a"), Deleted("/n"))


def test_where_nobody_knows_which_nodes_ended_all_is_read_anew() -> None:
    talk = Conversation(position=5 << 32)
    leader = talk.leader
    talk.hear(leader.greeting(), leader.diff(), leader.level())
    with pytest.raises(ReadAnew):
        talk.hear(leader.inform(CloseSessionTxn(None)))


def test_what_the_snapshot_has_already_is_not_told() -> None:
    talk = Conversation()
    leader = talk.leader
    early = leader.inform(SetDataTxn("/a", b"1", 1))
    late = leader.logged(SetDataTxn("/a", b"2", 2))
    leader.zxid -= 1
    snap = leader.snap([("/", PLAIN), ("/a", PLAIN)])
    events = talk.hear(
        leader.greeting(), snap, early, encode_packet(Packet(Kind.INFORM, leader.zxid + 1, late))
    )
    assert [e.steps for e in events if isinstance(e, Transaction)] == [(DataSet("/a", b"2", 2),)]


def test_below_a_root_paths_are_its_own_and_others_are_not_there() -> None:
    talk = Conversation(root="/r")
    leader = talk.leader
    nodes = [(path, PLAIN) for path in ("/", "/r", "/r/a", "/rest", "/zookeeper")]
    events = talk.hear(leader.greeting(), leader.snap(nodes), leader.level())
    assert events[1] == SnapshotNodes([("/", PLAIN), ("/a", PLAIN)])
    mixed = MultiTxn((DeleteTxn("/r/a"), DeleteTxn("/rest"), DeleteTxn("/r")))
    (event,) = talk.hear(leader.inform(mixed))
    assert isinstance(event, Transaction)
    assert event.steps == (Deleted("/a"), Deleted("/"))


def test_what_servers_keep_of_themselves_is_not_there() -> None:
    talk = Conversation()
    leader = talk.leader
    nodes = [(path, PLAIN) for path in ("/", "/zookeeper", "/zookeeper/quota", "/zookeepers")]
    events = talk.hear(leader.greeting(), leader.snap(nodes))
    assert events[1] == SnapshotNodes([("/", PLAIN), ("/zookeepers", PLAIN)])


def test_pings_are_answered_and_say_how_far_it_has_heard() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    talk.answers.clear()
    assert talk.hear(talk.leader.ping()) == [Reached(5 << 32)]
    assert talk.answers == [Packet(Kind.PING, 5 << 32, b"")]


def test_a_new_configuration_is_a_transaction_too() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    raw = bytes(8) + talk.leader.logged(SetDataTxn("/zookeeper/config", b"", 1))
    packet = Packet(Kind.INFORM_AND_ACTIVATE, talk.leader.zxid, raw)
    assert talk.hear(encode_packet(packet)) == [Reached(talk.leader.zxid)]


def test_transactions_that_were_taken_back_are_a_reason_to_read_anew() -> None:
    talk = Conversation(position=(5 << 32) + 9)
    trunc = encode_packet(Packet(Kind.TRUNC, 5 << 32))
    with pytest.raises(ReadAnew):
        talk.hear(talk.leader.greeting(), trunc)


def test_a_position_that_is_too_old_is_answered_with_a_snapshot() -> None:
    talk = Conversation(position=1)
    events = talk.hear(talk.leader.greeting(), talk.leader.snap([("/", PLAIN)]))
    assert events[0] == SnapshotStarted(None)


def test_a_leader_that_gives_no_snapshot_gives_everything() -> None:
    talk = Conversation()
    with pytest.raises(NoSnapshot):
        talk.hear(talk.leader.greeting(), talk.leader.diff())
    talk = Conversation(from_nothing=True)
    leader = talk.leader
    first = leader.proposed(CreateTxn("/a", b"", OPEN, 0, 1))
    events = talk.hear(leader.greeting(), leader.diff(), first)
    assert [type(e) for e in events] == [
        SnapshotStarted,
        SnapshotNodes,
        SnapshotEnded,
        Transaction,
    ]
    assert talk.answers[0].zxid == 0


@pytest.mark.parametrize(
    "said", [b"\x15\x03\x03\x00\x02\x02\x28" + bytes(40), encode_packet(Packet(Kind.PING, 0))]
)
def test_who_does_not_answer_as_a_leader_is_none(said: bytes) -> None:
    with pytest.raises(FrameError):
        Conversation().hear(said)


def test_a_commit_of_what_was_not_proposed_is_refused() -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    with pytest.raises(FrameError, match="not proposed"):
        talk.hear(encode_packet(Packet(Kind.COMMIT, 5)))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_end_in_an_error_that_is_known_or_wait(said: bytes) -> None:
    talk = Conversation()
    talk.live(("/", PLAIN))
    with suppress(FrameError, ReadAnew):
        talk.learner.receive(said)


def test_quorum_ports_are_those_of_members_that_may_lead() -> None:
    config = (
        "server.1=one:2888:3888:participant;0.0.0.0:2181\n"
        "server.2=two:2889:3889|second.two:2890:3890;2181\n"
        "server.3=three:2888:3888:observer;2181\n"
        "server.4=[::1]:2888:3888\n"
        "version=100000000"
    )
    assert quorum_of(config) == [
        ("one", 2888),
        ("two", 2889),
        ("second.two", 2890),
        ("::1", 2888),
    ]
    assert quorum_of("") == []


def test_what_a_real_leader_said_is_understood() -> None:
    learner = Learner(3, None, Translator(""), 2**20)
    events, _ = learner.receive(CONVERSATION)
    (nodes,) = [dict(event.nodes) for event in events if isinstance(event, SnapshotNodes)]
    assert set(nodes) == {"/", "/a", "/t"}
    assert nodes["/a"].data is None
    assert lifetime(nodes["/t"].owner).ttl_ms == 5_000
    session = 72058039725850624
    assert [event.steps for event in events if isinstance(event, Transaction)] == [
        (Created("/e", b"", OPEN, session, 3),),
        (DataSet("/a", b"1", 1), Created("/c", b"", OPEN, CONTAINER_OWNER, 4)),
        (Deleted("/e"),),
    ]
