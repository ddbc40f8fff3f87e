"""The codecs: kazoo writes the same requests, what is written is read, what is broken is said."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kazoo.protocol import serialization as kazoo
from kazoo.security import ACL, Id
from tests.unit.zookeeper import replies

from orchestrator.zookeeper.jute import frames, sessions, watches, wire
from orchestrator.zookeeper.jute.errors import (
    BadVersion,
    FrameError,
    FrameTooLarge,
    MultiFailed,
    NoNode,
    server_error,
)
from orchestrator.zookeeper.jute.multi import Multi, MultiRead
from orchestrator.zookeeper.jute.records import OPEN, Acl, Acls, Stat
from orchestrator.zookeeper.jute.requests import (
    AccessList,
    Check,
    Children,
    CountDescendants,
    Create,
    Create2,
    CreateContainer,
    CreatedNode,
    CreateMode,
    CreateTtl,
    Data,
    Delete,
    Exists,
    GetAcl,
    GetChildren,
    GetChildren2,
    GetConfig,
    GetData,
    GetEphemerals,
    Request,
    SetAcl,
    SetData,
    Sync,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BUFFERS = st.none() | st.binary(max_size=200)
INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
ACLS = st.lists(st.builds(Acl, INTS, NAMES, NAMES), max_size=4).map(tuple)
STATS = st.builds(Stat, *[LONGS] * 4, *[INTS] * 3, LONGS, INTS, INTS, LONGS)
LIST: Acls = (Acl(5, "digest", "u:x="), Acl(31, "world", "anyone"))
KAZOO_LIST = [ACL(each.permissions, Id(each.scheme, each.id)) for each in LIST]
PATH = "/a/ö"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Create(PATH, b"x", LIST), kazoo.Create(PATH, b"x", KAZOO_LIST, 0)),
        (
            Create(PATH, None, LIST, CreateMode.EPHEMERAL_SEQUENTIAL),
            kazoo.Create(PATH, None, KAZOO_LIST, 3),
        ),
        (Create2(PATH, b"", LIST), kazoo.Create2(PATH, b"", KAZOO_LIST, 0)),
        (Delete(PATH, 7), kazoo.Delete(PATH, 7)),
        (Exists(PATH, True), kazoo.Exists(PATH, print)),
        (GetData(PATH), kazoo.GetData(PATH, None)),
        (GetChildren(PATH, True), kazoo.GetChildren(PATH, print)),
        (GetChildren2(PATH), kazoo.GetChildren2(PATH, None)),
        (SetData(PATH, b"xyz", 3), kazoo.SetData(PATH, b"xyz", 3)),
        (GetAcl(PATH), kazoo.GetACL(PATH)),
        (SetAcl(PATH, LIST, 3), kazoo.SetACL(PATH, KAZOO_LIST, 3)),
        (Sync(PATH), kazoo.Sync(PATH)),
        (Check(PATH, 9), kazoo.CheckVersion(PATH, 9)),
        (sessions.Auth("digest", b"u:p"), kazoo.Auth(0, "digest", "u:p")),
        (sessions.Sasl(b"token"), kazoo.SASL(b"token")),
        (sessions.CloseSession(), kazoo.Close),
        (sessions.Ping(), kazoo.Ping),
        (
            Multi((Create(PATH, b"x", LIST), Delete(PATH, 1), SetData(PATH, b"", 2), Check(PATH))),
            kazoo.Transaction(
                [
                    kazoo.Create(PATH, b"x", KAZOO_LIST, 0),
                    kazoo.Delete(PATH, 1),
                    kazoo.SetData(PATH, b"", 2),
                    kazoo.CheckVersion(PATH, -1),
                ]
            ),
        ),
    ],
)
def test_requests_are_written_as_kazoo_writes_them(
    ours: Request[object], theirs: kazoo.Create
) -> None:
    body = b"" if theirs in (kazoo.Close, kazoo.Ping) else bytes(theirs.serialize())
    assert ours.encode("") == body
    assert ours.opcode == theirs.type


def test_a_container_is_created_by_its_mode() -> None:
    written = CreateContainer(PATH, b"x", LIST).encode("")
    assert written == bytes(kazoo.Create2(PATH, b"x", KAZOO_LIST, 4).serialize())


def test_a_creation_with_a_ttl_says_its_mode_and_its_time() -> None:
    written = CreateTtl(PATH, 60_000, b"x", sequential=True).encode("")
    assert written == (
        wire.text(PATH) + wire.buffer(b"x") + wire.acls(OPEN) + struct.pack(">iq", 6, 60_000)
    )


def test_a_clients_root_stands_before_paths_and_is_taken_from_replies() -> None:
    assert GetData("/").encode("/root") == GetData("/root").encode("")
    assert GetData("/x").encode("/root") == GetData("/root/x").encode("")
    assert GetConfig().encode("/root") == GetData("/zookeeper/config").encode("")
    with pytest.raises(ValueError, match="does not begin with /"):
        GetData("less").encode("/root")
    for path, seen in [("/root", "/"), ("/root/x", "/x"), ("/rootless", "/rootless")]:
        assert Create("/x").read(wire.text(path), 0, "/root") == seen


@given(BUFFERS, STATS)
def test_data_is_read_as_it_was_written(data: bytes | None, stat: Stat) -> None:
    assert GetData("/").read(replies.data(data, stat), 0, "") == Data(data, stat)


@given(ACLS, STATS)
def test_access_lists_are_read_as_they_were_written(acl: Acls, stat: Stat) -> None:
    assert GetAcl("/").read(wire.acls(acl) + replies.stat(stat), 0, "") == AccessList(acl, stat)


@given(st.lists(NAMES), STATS)
def test_names_are_read_as_they_were_written(names: list[str], stat: Stat) -> None:
    body = wire.texts(names) + replies.stat(stat)
    assert GetChildren2("/").read(body, 0, "") == Children(names, stat)
    assert GetChildren("/").read(body, 0, "") == names
    assert GetEphemerals("/").read(body, 0, "") == names


def test_a_character_outside_the_first_plane_is_read_as_java_writes_it() -> None:
    halves = "\ud83d\ude00".encode("utf-8", "surrogatepass")
    assert wire.read_text(wire.buffer(halves), 0) == ("😀", 10)


def test_the_smaller_replies_are_read() -> None:
    created = wire.text("/a") + replies.stat()
    assert Create2("/a").read(created, 0, "") == CreatedNode("/a", replies.STAT)
    assert CountDescendants("/").read(struct.pack(">i", 12), 0, "") == 12
    identities = struct.pack(">i", 1) + wire.text("ip") + wire.text("127.0.0.1")
    assert sessions.WhoAmI().read(identities, 0, "") == [("ip", "127.0.0.1")]
    assert sessions.Sasl(b"").read(wire.buffer(b"more"), 0, "") == b"more"


def test_a_multi_that_succeeds_has_a_result_for_each_operation() -> None:
    ops = (Create("/a"), Create2("/b"), SetData("/c", b""), Delete("/d"), Check("/e"))
    body = b"".join(
        [
            replies.result(1, wire.text("/a")),
            replies.result(15, wire.text("/b") + replies.stat()),
            replies.result(5, replies.stat()),
            replies.result(2),
            replies.result(13),
            replies.END,
        ]
    )
    expected = ["/a", CreatedNode("/b", replies.STAT), replies.STAT, None, None]
    assert Multi(ops).read(body, 0, "") == expected
    assert Multi(ops, brief=True).read(body, 0, "") == []


@pytest.mark.parametrize("brief", [False, True])
def test_a_multi_that_fails_says_which_operation_and_why(brief: bool) -> None:
    body = b"".join([replies.failure(0), replies.failure(-103), replies.failure(-2), replies.END])
    with pytest.raises(MultiFailed) as failed:
        Multi((Delete("/a"), SetData("/b", b"", 3), Delete("/c")), brief).read(body, 0, "")
    assert failed.value.index == 1
    assert isinstance(failed.value.error, BadVersion)
    assert failed.value.error.path == "/b"


def test_a_node_that_cannot_be_read_spoils_no_other_of_a_multi_read() -> None:
    ops = (GetData("/a"), GetData("/b"), GetChildren("/c"))
    body = b"".join(
        [
            replies.result(4, replies.data(None)),
            replies.failure(-101),
            replies.result(8, wire.texts(["x"])),
            replies.END,
        ]
    )
    first, second, third = MultiRead(ops).read(body, 0, "")
    assert (first, third) == (Data(None, replies.STAT), ["x"])
    assert isinstance(second, NoNode)
    assert second.path == "/b"


def test_a_multi_with_too_few_results_is_refused() -> None:
    with pytest.raises(FrameError, match="2 operations is answered with 0"):
        Multi((Delete("/a"), Delete("/b"))).read(replies.END, 0, "")


READABLE: list[Request[object]] = [
    Create("/a"), Create2("/a"), Exists("/a"), GetData("/a"), GetChildren("/a"),
    GetChildren2("/a"), GetAcl("/a"), SetData("/a", b""), Sync("/a"), sessions.Sasl(b""),
    sessions.WhoAmI(), GetEphemerals(), CountDescendants("/a"),
    Multi((Delete("/a"), Create2("/a"))), MultiRead((GetData("/a"), GetChildren("/b"))),
]  # fmt: skip


@given(st.sampled_from(READABLE), st.binary(max_size=120))
def test_a_reply_of_any_bytes_is_read_or_refused_and_nothing_else(
    request: Request[object], body: bytes
) -> None:
    with suppress(FrameError, MultiFailed), wire.decoding():
        request.read(body, 0, "/root")


@given(st.binary(max_size=40))
def test_a_greeting_or_event_of_any_bytes_is_read_or_refused(body: bytes) -> None:
    for read in (
        sessions.read_welcome,
        lambda frame: watches.read_event(frame, 0, "", -1),
        frames.read_reply_header,
    ):
        with suppress(FrameError):
            read(body)


def test_each_error_code_has_its_class_and_unknown_ones_their_number() -> None:
    assert type(server_error(-101, "/a", 5)) is NoNode
    assert str(server_error(-101, "/a")) == "/a: there is no such node"
    assert str(server_error(-999)) == "the server answers with error -999"


def test_a_session_is_opened_and_taken_up_with_its_password() -> None:
    session = sessions.Session(-5, b"s" * 16, 4000, 77)
    assert sessions.hello(session) == struct.pack(
        ">iqiqi16s?", 0, 77, 4000, -5, 16, b"s" * 16, False
    )
    welcome = replies.welcome(-5, 4000, b"t" * 16)[4:]
    assert sessions.read_welcome(welcome) == (-5, b"t" * 16, 4000, False)
    assert sessions.read_welcome(welcome[:-1]) == (-5, b"t" * 16, 4000, False)


def test_no_secret_is_shown() -> None:
    shown = repr([sessions.Session(1, b"secret", 1), sessions.Auth("digest", b"secret")])
    assert "secret" not in shown + repr(sessions.Sasl(b"secret"))


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20))
def test_frames_are_cut_however_the_bytes_arrive(bodies: list[bytes], step: int) -> None:
    framer = frames.Framer(50)
    stream = b"".join(map(frames.bare_frame, bodies))
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [each for piece in pieces for each in framer.feed(piece)] == bodies


def test_a_frame_that_is_too_long_is_refused_by_its_length_behind_those_before_it() -> None:
    stream = frames.Framer(10).feed(frames.bare_frame(b"good") + struct.pack(">i", 11))
    assert next(stream) == b"good"
    with pytest.raises(FrameTooLarge):
        next(stream)


def test_a_frame_of_negative_length_is_refused() -> None:
    with pytest.raises(FrameError, match="no ZooKeeper"):
        list(frames.Framer(10).feed(struct.pack(">i", -5)))


def test_watches_are_set_again_in_parts_and_by_the_oldest_request_that_does() -> None:
    (only,) = watches.set_again(9, [(watches.Kind.DATA, "/a"), (watches.Kind.CHILDREN, "/b")])
    assert only == watches.SetWatches(9, ("/a",), (), ("/b",))
    (newer,) = watches.set_again(9, [(watches.Kind.EXISTS, "/a"), (watches.Kind.RECURSIVE, "/b")])
    assert newer == watches.SetWatches2(9, (), ("/a",), (), (), ("/b",))
    many = [(watches.Kind.DATA, f"/{number:0100}") for number in range(1000)]
    parts = list(watches.set_again(9, many))
    assert len(parts) > 1
    assert [path for part in parts for path in part.data] == [path for _, path in many]
    assert all(len(part.encode("")) < 2 * watches.SET_WATCHES_BYTES for part in parts)


def test_an_event_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(FrameError, match="unknown type 42"):
        watches.read_event(struct.pack(">ii", 42, 3) + wire.text("/a"), 0, "", 5)
