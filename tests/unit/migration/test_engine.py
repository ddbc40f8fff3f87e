"""The engine on a bench: what it writes where, what it never writes, and how batches end."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace
from tests.unit.migration.bench import PROXIES, WRITERS, Bench, created, node, step_of

from orchestrator.migration.core.content import Content, digest, kind_of
from orchestrator.migration.core.effects import (
    Alert,
    ConflictFound,
    Create,
    Delete,
    Problem,
    SetAcl,
    SetData,
    Write,
)
from orchestrator.migration.core.events import (
    BarrierPassed,
    Heard,
    Lost,
    Pause,
    Refusal,
    Refused,
    Resolve,
    Resume,
    SetAuthority,
    SourceOpened,
    Verify,
    Written,
)
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import Role, Side
from orchestrator.migration.core.verification import ROUNDS
from orchestrator.zookeeper.jute.records import CONTAINER_OWNER, OPEN, Acl, ttl_owner
from orchestrator.zookeeper.source import (
    AclSet,
    DataSet,
    Deleted,
    Interrupted,
    Reached,
    Transaction,
)

A, B = Side.A, Side.B
PLAIN = {"/app": node(b"1"), "/app/x": node(b"2")}


def equal(**settings: object) -> Bench:
    """Both sides have the same nodes."""
    bench = Bench(PLAIN, PLAIN, Settings(**settings))  # type: ignore[arg-type]
    bench.apply_all()
    return bench


# --- filling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["A->B", "B->A"])
def test_a_fill_keeps_to_the_window(fill: Literal["A->B", "B->A"]) -> None:
    nodes = {f"/n{number:02}": node(b"1") for number in range(40)}
    a, b = (nodes, None) if fill == "A->B" else (None, nodes)
    bench = Bench(a, b, Settings(fill=fill, window=2, batch_ops=5))
    written = 0
    while writes := bench.writes():
        assert len(writes) <= 3  # what did not fit into the last batch is sent, too
        written += sum(len(write.ops) for write in writes)
        for write in writes:
            bench.apply(write, *[step_of(op) for op in write.ops])
    assert written == 40


def test_an_empty_side_is_filled_parents_first() -> None:
    bench = Bench(PLAIN)
    [write] = bench.writes()
    assert (write.side, [op.path for op in write.ops]) == (B, ["/app", "/app/x"])


def test_nothing_is_written_to_a_side_that_has_nodes_of_its_own() -> None:
    bench = Bench(PLAIN, {"/theirs": node(b"")})
    assert bench.writes() == []
    status = bench.engine.status(bench.now)
    assert status.state == "halted"
    assert status.reason.startswith("B holds 1 nodes that A does not have")


def test_merging_copies_both_ways() -> None:
    bench = Bench({"/a": node(b"1")}, {"/b": node(b"2")}, Settings(merge=True))
    assert {(w.side, op.path) for w in bench.writes() for op in w.ops} == {(B, "/a"), (A, "/b")}


def test_a_filled_side_is_equal_by_its_sums() -> None:
    bench = Bench(PLAIN)
    assert not bench.engine.status(bench.now).is_equal
    assert bench.engine.compare() == ["/app/x"]
    bench.apply_all()
    status = bench.engine.status(bench.now)
    assert status.is_equal
    assert status.a.hash == status.b.hash
    assert (status.state, status.queue) == ("live", 0)


def test_a_dry_run_says_what_would_be_written_and_writes_nothing() -> None:
    bench = Bench(settings=Settings())
    bench.command(Pause())
    bench.change(A, created("/new", b"1"))
    assert bench.engine.preview() == ["/new is written on B"]
    assert bench.writes() == []


# --- copying ---------------------------------------------------------------------------------


def test_a_transaction_is_written_as_one() -> None:
    bench = equal()
    bench.change(A, DataSet("/app", b"new", 1), created("/app/y", b"y"), Deleted("/app/x"))
    [write] = bench.writes()
    assert write.ops == (
        Delete("/app/x", 0),
        SetData("/app", b"new", 0),
        Create("/app/y", b"y", OPEN),
    )


def test_what_the_engine_wrote_is_not_written_back() -> None:
    bench = equal()
    bench.change(A, DataSet("/app", b"new", 1))
    assert bench.apply_all() == 1
    assert bench.writes() == []
    bench.later(60)
    assert bench.writes() == []


def test_an_intent_is_saved_before_its_batch_is_sent() -> None:
    bench = equal()
    bench.zxid[A] += 1
    change = Transaction(bench.zxid[A], 7, 5, (DataSet("/app", b"new", 1),))
    effects = list(bench.engine.handle(Heard(A, change), bench.now))
    saves = [n for n, e in enumerate(effects) if getattr(e, "key", "").startswith("intent/")]
    sends = [n for n, e in enumerate(effects) if isinstance(e, Write)]
    assert saves and sends and saves[0] < sends[0]


def test_changes_of_a_path_under_way_are_gathered_into_one() -> None:
    bench = equal()
    bench.change(A, DataSet("/app", b"one", 1))
    [first] = bench.writes()
    for version in range(2, 9):
        bench.change(A, DataSet("/app", b"%d" % version, version))
    assert bench.writes() == []
    bench.apply(first, DataSet("/app", b"one", 1))
    assert [w.ops for w in bench.writes()] == [(SetData("/app", b"8", 1),)]


def test_null_data_and_empty_data_are_two_things() -> None:
    bench = equal()
    bench.change(A, DataSet("/app", None, 1))
    [write] = bench.writes()
    assert write.ops == (SetData("/app", None, 0),)
    bench.apply(write, DataSet("/app", None, 1))
    bench.change(A, DataSet("/app", b"", 2))
    assert [w.ops for w in bench.writes()] == [(SetData("/app", b"", 1),)]


def test_a_value_that_is_set_again_is_no_change() -> None:
    bench = equal()
    bench.change(A, DataSet("/app", b"1", 1))
    assert bench.writes() == []


def test_an_access_list_goes_alone() -> None:
    bench = equal()
    closed = (Acl(1, "digest", "a:b"),)
    bench.change(A, AclSet("/app", closed, 1))
    assert [w.ops for w in bench.writes()] == [(SetAcl("/app", closed, 0),)]


def test_an_access_list_that_the_source_tells_late_is_not_written_back() -> None:
    bench = equal()
    closed = (Acl(1, "digest", "a:b"),)
    bench.change(A, AclSet("/app", closed, 1))
    [write] = bench.writes()
    bench.zxid[B] += 1
    bench.hear(B, Reached(bench.zxid[B]))  # as watches do, which tell nothing of lists
    bench.tell(Written(write.batch, bench.zxid[B]))
    assert bench.writes() == []
    assert bench.engine.status(bench.now).is_equal
    bench.change(B, AclSet("/app", closed, 1))
    bench.change(B, AclSet("/app", OPEN, 2))
    assert [(w.side, w.ops) for w in bench.writes()] == [(A, (SetAcl("/app", OPEN, 1),))]


def test_a_ttl_and_a_container_are_created_as_such() -> None:
    bench = equal()
    bench.change(A, created("/t", b"", ttl_owner(5_000)), created("/c", b"", -(1 << 63)))
    [write] = bench.writes()
    assert set(write.ops) == {
        Create("/t", b"", OPEN, ttl_ms=5_000),
        Create("/c", b"", OPEN, container=True),
    }


def test_a_node_that_is_too_large_is_reported_and_the_rest_goes_on() -> None:
    bench = equal(node_bytes=1_024)
    bench.change(A, created("/large", b"x" * 2_000))
    bench.change(A, created("/small", b"x"))
    assert [op.path for w in bench.writes() for op in w.ops] == ["/small"]
    assert [e.problem for e in bench.sent if isinstance(e, Alert)] == [Problem.TOO_LARGE]


def test_data_beyond_the_bound_is_read_when_it_is_needed() -> None:
    bench = equal(data_bytes=1_024)
    bench.command(Pause())
    values = {f"/n{n}": b"%d" % n + b"." * 600 for n in range(4)}
    for path, data in values.items():
        bench.change(A, created(path, data))
    bench.command(Resume())
    while reads := bench.reads():
        for read in reads:
            bench.show(read, {path: node(data) for path, data in values.items()})
    written = {op.path: op.data for w in bench.writes() for op in w.ops if isinstance(op, Create)}
    assert written == values


def test_a_parent_that_is_not_synced_is_created_where_it_is_needed() -> None:
    bench = Bench({"/a": node(b""), "/a/b": node(b"1")}, {}, Settings(include=("/a/b",)))
    [write] = bench.writes()
    assert [op.path for op in write.ops] == ["/a", "/a/b"]
    assert [e.problem for e in bench.sent if isinstance(e, Alert)] == [Problem.STRUCTURE]


# --- conflicts -------------------------------------------------------------------------------


def crossing(**settings: object) -> Bench:
    """Both sides set a node before either is copied; B is later."""
    bench = equal(**settings)
    bench.command(Pause())
    bench.change(A, DataSet("/app", b"of A", 1), time=5_000)
    bench.change(B, DataSet("/app", b"of B", 1), time=9_000)
    bench.command(Resume())
    return bench


def found(bench: Bench) -> list[tuple[str, str]]:
    return [
        (e.conflict.path, e.conflict.decision) for e in bench.sent if isinstance(e, ConflictFound)
    ]


def test_the_last_write_wins_and_both_values_are_on_record() -> None:
    bench = crossing()
    assert [(w.side, w.ops) for w in bench.writes()] == [(A, (SetData("/app", b"of B", 1),))]
    [entry] = bench.engine.conflicts()
    assert (entry.a.data, entry.b.data) == (b"of A", b"of B")
    assert (entry.decision, entry.reason) == ("B", "lww: 4000 ms later")


def test_a_held_conflict_waits_for_a_person_and_holds_up_nothing_else() -> None:
    bench = crossing(policy="hold")
    assert bench.writes() == []
    assert found(bench) == [("/app", "held")]
    bench.change(A, created("/other", b""))
    assert [op.path for w in bench.writes() for op in w.ops] == ["/other"]
    bench.command(Resolve("/app", A))
    assert [(w.side, w.ops) for w in bench.writes()] == [(B, (SetData("/app", b"of A", 1),))]
    assert bench.engine.conflicts()[0].decision == "A"


def test_a_person_may_choose_a_third_value() -> None:
    bench = crossing(policy="hold")
    bench.command(Resolve("/app", None, b"third"))
    written = {(w.side, op.path, getattr(op, "data", None)) for w in bench.writes() for op in w.ops}
    assert written == {(A, "/app", b"third"), (B, "/app", b"third")}


def test_what_was_written_after_the_choice_is_newer_than_it() -> None:
    bench = crossing(policy="hold", window=1)
    bench.command(Pause())
    bench.command(Resolve("/app", None, b"third"))
    bench.change(A, DataSet("/app", b"newer", 2))
    bench.command(Resume())
    assert bench.writes() == []  # again a conflict, and again held
    assert bench.engine.status(bench.now).held == 1


def test_a_chosen_value_brings_back_a_node_that_others_have_to_lie_below() -> None:
    bench = crossing(policy="hold")
    bench.command(Pause())
    bench.change(B, Deleted("/app"))
    bench.command(Resolve("/app", None, b"third"))
    bench.change(A, created("/app/x", b""))
    bench.command(Resume())
    written = {(w.side, op.path, getattr(op, "data", None)) for w in bench.writes() for op in w.ops}
    assert written == {(A, "/app", b"third"), (B, "/app", b"third"), (B, "/app/x", b"")}


def test_a_chosen_value_outlives_the_deletion_of_what_it_lies_below() -> None:
    """Though deletions win: a person has said otherwise."""
    bench = equal(policy="hold", deletes="delete_wins")
    bench.command(Pause())
    bench.change(A, DataSet("/app/x", b"of A", 1))
    bench.change(B, DataSet("/app/x", b"of B", 1))
    bench.command(Resume())
    assert found(bench) == [("/app/x", "held")]
    bench.command(Pause())
    bench.change(B, Deleted("/app/x"), Deleted("/app"))
    bench.command(Resolve("/app/x", None, b"third"))
    bench.command(Resume())
    for read in bench.reads():
        bench.show(read, {"/app": node(b"1")})
    written = {(w.side, op.path, getattr(op, "data", None)) for w in bench.writes() for op in w.ops}
    assert written == {(A, "/app/x", b"third"), (B, "/app", b"1"), (B, "/app/x", b"third")}


def test_a_conflict_that_is_not_held_cannot_be_resolved() -> None:
    reply = equal().command(Resolve("/app", A))
    assert reply is not None and reply.refusal == "no conflict is held at '/app'"


def test_a_deletion_against_a_child_of_the_other_side_keeps_the_child_and_its_parents() -> None:
    bench = equal()
    bench.command(Pause())
    bench.change(A, Deleted("/app/x"), Deleted("/app"))
    bench.change(B, created("/app/new", b"child"))
    bench.command(Resume())
    kept: list[str] = []
    for _ in range(9):  # the deletion may be tried again before the child's turn comes
        for write in bench.writes():
            if write.side is B:
                last = len(write.ops) - 1
                bench.tell(Refused(write.batch, bench.zxid[B], last, Refusal.NOT_EMPTY))
            else:
                kept += [op.path for op in write.ops]
        for read in bench.reads():
            bench.show(read, PLAIN)
        bench.later(1)
    assert kept == ["/app", "/app/new"]
    assert [entry.kind for entry in bench.engine.conflicts()] == ["orphan"]


# --- how batches end -------------------------------------------------------------------------


def under_way() -> tuple[Bench, Write]:
    bench = equal()
    bench.change(A, DataSet("/app", b"new", 1))
    [write] = bench.writes()
    return bench, write


def test_a_refused_version_is_planned_anew_from_what_the_source_shows() -> None:
    bench, write = under_way()
    bench.zxid[B] += 1
    bench.tell(Refused(write.batch, bench.zxid[B], 0, Refusal.VERSION))
    assert bench.writes() == []  # what made it fail was not heard yet
    bench.zxid[B] -= 1
    bench.change(B, DataSet("/app", b"theirs", 1), time=1)
    assert [w.ops for w in bench.writes()] == [(SetData("/app", b"new", 1),)]
    assert len(bench.engine.conflicts()) == 1


def test_a_lost_batch_that_the_stream_shows_was_applied() -> None:
    bench, write = under_way()
    bench.change(B, DataSet("/app", b"new", 1), session=WRITERS[B])
    bench.tell(Lost(write.batch))
    assert bench.writes() == []
    assert bench.engine.status(bench.now).queue == 0


def test_a_lost_batch_of_which_nothing_is_seen_is_sent_again() -> None:
    bench, write = under_way()
    bench.tell(Lost(write.batch))
    assert [w.ops for w in bench.writes()] == [write.ops]


def test_answers_that_come_twice_or_late_change_nothing() -> None:
    bench, write = under_way()
    bench.apply(write, DataSet("/app", b"new", 1))
    for event in (Written(write.batch, 99), Lost(write.batch), Written(12_345, 99)):
        bench.tell(event)
    bench.tell(BarrierPassed(B, 999, 99))
    assert bench.writes() == []


def test_nothing_is_planned_while_a_side_is_not_heard() -> None:
    bench = equal()
    bench.hear(B, Interrupted("the connection was lost"))
    bench.change(A, DataSet("/app", b"new", 1))
    assert bench.writes() == []
    bench.hear(B, Reached(bench.zxid[B]))
    assert len(bench.writes()) == 1


# --- restart ---------------------------------------------------------------------------------


def restarted(bench: Bench) -> Bench:
    again = Bench(settings=bench.engine.state.settings, records=bench.records)
    again.zxid = bench.zxid
    return again


def test_a_restart_goes_on_behind_what_was_saved() -> None:
    bench = equal()
    bench.later(2)
    again = restarted(bench)
    assert again.engine.positions() == (bench.zxid[A], bench.zxid[B])
    for side in (A, B):
        again.hear(side, Reached(again.zxid[side]))
    assert again.engine.status(again.now).is_equal
    assert again.writes() == []


def test_a_batch_whose_answer_died_with_the_engine_is_not_sent_twice() -> None:
    bench, _ = under_way()
    again = restarted(bench)
    again.change(A, DataSet("/app", b"new", 1))
    again.change(B, DataSet("/app", b"new", 1), session=WRITERS[B])
    again.hear(A, Reached(again.zxid[A]))
    assert again.writes() == []
    assert again.engine.status(again.now).conflicts == 0


def test_what_waited_together_is_written_together_after_a_restart() -> None:
    bench = equal()
    bench.command(Pause())
    bench.change(A, DataSet("/app", b"1st", 1), DataSet("/app/x", b"2nd", 1))
    bench.later(2)
    again = restarted(bench)
    for side in (A, B):
        again.hear(side, Reached(again.zxid[side]))
    again.command(Resume())
    while reads := again.reads():
        for read in reads:
            again.show(read, {"/app": node(b"1st"), "/app/x": node(b"2nd")})
    assert [len(w.ops) for w in again.writes()] == [2]


def test_a_pause_outlives_a_restart() -> None:
    bench = equal()
    bench.command(Pause())
    again = restarted(bench)
    for side in (A, B):
        again.hear(side, Reached(again.zxid[side]))
    assert again.engine.status(again.now).state == "paused"


# --- nodes of sessions -------------------------------------------------------------------------


def test_an_ephemeral_node_is_never_copied_as_a_persistent_one() -> None:
    bench = equal()
    bench.change(A, created("/app/e", b"", 77))
    assert bench.writes() == []


def test_a_proxy_stands_for_an_ephemeral_node_and_goes_with_it() -> None:
    bench = equal(ephemerals="proxy")
    bench.change(A, created("/app/e", b"me", 77))
    [write] = bench.writes()
    assert write.role is Role.PROXY
    assert write.ops == (Create("/app/e", b"me", OPEN, ephemeral=True),)
    bench.apply(write, created("/app/e", b"me", PROXIES[B]))
    bench.change(A, Deleted("/app/e"), session=77, closed=True)
    assert [(w.side, w.ops) for w in bench.writes()] == [(B, (Delete("/app/e", 0),))]


def test_only_members_of_the_authority_side_have_proxies_in_an_election() -> None:
    nodes = {"/mesos": node(b"")}
    bench = Bench(nodes, nodes, Settings(elections=("/mesos",), authority="A"))
    bench.change(B, created("/mesos/json.info_0000000001", b"of B", 88))
    assert bench.writes() == []
    bench.change(A, created("/mesos/json.info_0000000002", b"of A", 77))
    assert [(w.side, w.role) for w in bench.writes()] == [(B, Role.PROXY)]


def test_authority_is_handed_over_when_the_new_side_counts_ahead() -> None:
    nodes = {"/mesos": replace(node(b""), cversion=5)}
    fewer = {"/mesos": replace(node(b""), cversion=2)}
    bench = Bench(nodes, fewer, Settings(elections=("/mesos",), authority="A"))
    assert bench.command(SetAuthority(B)) is None
    [burn] = bench.writes()
    assert burn.side is B
    assert len(burn.ops) == 6  # three numbers: created and deleted at once
    steps = [replace(created("/mesos/.sync-burn"), cversion=n) for n in (3, 4, 5)]
    bench.apply(burn, *steps)
    assert bench.engine.status(bench.now).authority == "B"
    assert bench.replies[1].result == "B is the authority for elections"


# --- lifetimes -------------------------------------------------------------------------------


def test_a_lifetime_that_was_only_supposed_is_put_right_where_it_was_not_taken_over() -> None:
    """B was watched while the node of A was made anew, as another kind."""
    container = {"/app": node(b"1"), "/app/x": replace(node(b"2"), owner=CONTAINER_OWNER)}
    bench = Bench(container, container, Settings(policy="source"))
    bench.tell(SourceOpened(B, False))
    bench.load_side(B, PLAIN)
    bench.change(A, Deleted("/app/x"), created("/app/x", b"2"))
    assert bench.writes() == []
    bench.tell(SourceOpened(B, True, reveals=True))
    bench.load_side(B, container)
    for read in bench.reads():
        bench.show(read, {"/app/x": node(b"2")})
    [write] = bench.writes()
    assert write.side is B
    assert write.ops == (Delete("/app/x", 0), Create("/app/x", b"2", OPEN))


def test_a_lifetime_that_a_stream_shows_anew_is_a_change_of_its_side() -> None:
    bench = equal(policy="source")
    bench.tell(SourceOpened(B, True))
    bench.load_side(B, {**PLAIN, "/app/x": replace(node(b"2"), owner=CONTAINER_OWNER)})
    for read in bench.reads():
        bench.show(read, {"/app/x": node(b"2")})
    assert {write.side for write in bench.writes()} == {A}


# --- verification ----------------------------------------------------------------------------


def verify(bench: Bench, b: dict[str, bytes], *, repair: bool = False) -> tuple[str, ...]:
    """Read both sides; B is as given, A as it is known to be."""
    bench.command(Verify(repair=repair))
    for _ in range(40):
        for read in bench.reads():
            shown = {"/app": b"1", "/app/x": b"2"} if read.side is A else b
            bench.show(read, {path: node(data) for path, data in shown.items()})
        if 1 in bench.replies:
            return bench.replies.pop(1).paths
        bench.later(1)
    raise AssertionError("no answer")


def test_equal_sides_are_found_equal() -> None:
    assert verify(equal(), {"/app": b"1", "/app/x": b"2"}) == ()


def test_one_wrong_byte_is_found() -> None:
    assert verify(equal(), {"/app": b"1", "/app/x": b"3"}) == ("/app/x",)


@pytest.mark.parametrize(("behind", "differing"), [(1, ()), (0, ("/app/x",))])
def test_a_node_that_is_written_behind_each_barrier_is_no_difference(
    behind: int, differing: tuple[str, ...]
) -> None:
    bench = equal()
    bench.command(Verify())
    while 1 not in bench.replies:
        for read in bench.reads():
            nodes = {path: node(data) for path, data in (("/app", b"1"), ("/app/x", b"2"))}
            if read.side is B:
                nodes["/app/x"] = replace(node(b"3"), mzxid=bench.zxid[B] + behind)
            bench.show(read, nodes)
        bench.later(1)
    assert bench.replies[1].paths == differing


def test_a_node_that_is_missing_is_found() -> None:
    assert verify(equal(), {"/app": b"1"}) == ("/app/x",)


def test_a_repair_settles_what_the_source_did_not_tell() -> None:
    bench = equal(policy="source")
    verify(bench, {"/app": b"1", "/app/x": b"3"}, repair=True)
    while reads := bench.reads():
        for read in reads:
            bench.show(read, {"/app/x": node(b"3" if read.side is B else b"2")})
    assert {(w.side, op.path) for w in bench.writes() for op in w.ops} == {(A, "/app/x")}


def test_a_repair_leaves_alone_what_another_read_does_not_show() -> None:
    """It came and went between two things that the source told."""
    bench = equal(policy="source")
    bench.command(Verify(repair=True))
    shown = 0
    while 1 not in bench.replies:
        for read in bench.reads():
            nodes = {path: node(data) for path, data in (("/app", b"1"), ("/app/x", b"2"))}
            if read.side is B and shown < ROUNDS:
                shown += 1
                nodes["/app/x"] = replace(node(b"3"), mzxid=7)
            bench.show(read, nodes)
        bench.later(1)
    assert bench.replies[1].paths == ("/app/x",)
    assert bench.reads() == []
    assert bench.writes() == []


@pytest.mark.parametrize("owner", [CONTAINER_OWNER, ttl_owner(600_000)])
def test_a_repair_keeps_lifetimes_which_a_read_does_not_show(owner: int) -> None:
    nodes = {"/app": node(b"1"), "/app/x": replace(node(b"2"), owner=owner)}
    bench = Bench(nodes, nodes, Settings(policy="source"))
    bench.apply_all()
    verify(bench, {"/app": b"1", "/app/x": b"3"}, repair=True)
    while reads := bench.reads():
        for read in reads:
            bench.show(read, {"/app/x": node(b"3" if read.side is B else b"2")})
    [write] = bench.writes()
    assert (write.side, write.ops) == (A, (SetData("/app/x", b"3", 0),))
    assert bench.engine.state.tree.look("/app/x").content(B) == Content(
        digest(b"3"), 0, kind_of(owner, sees_lifetimes=True)
    )


# --- versions --------------------------------------------------------------------------------


def counted(a: int, b: int, **settings: object) -> Bench:
    """The same node, set so often on A and on B."""
    one, other = ({"/app": node(b"1", version=n)} for n in (a, b))
    return Bench(one, other, Settings(versions=("/app",), **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "b", "side"), [(5, 2, B), (2, 5, A)])
def test_the_side_that_counts_less_sets_its_data_again(a: int, b: int, side: Side) -> None:
    bench = counted(a, b)
    bench.later(1)
    bench.answer_reads({"/app": b"1"})
    [write] = bench.writes()
    assert write.side is side
    assert write.ops == tuple([SetData("/app", b"1", version) for version in (2, 3, 4)])
    bench.apply(write, *[DataSet("/app", b"1", version) for version in (3, 4, 5)])
    bench.later(1)
    assert bench.writes() == []
    assert [state.version for state in bench.engine.state.tree.look("/app").states if state] == [
        5,
        5,
    ]


def test_a_large_gap_is_closed_batch_by_batch() -> None:
    bench, sent = counted(25, 0, batch_ops=10), []
    for _ in range(4):
        bench.later(1)
        bench.answer_reads({"/app": b"1"})
        for write in bench.writes():
            sent.append(len(write.ops))
            bench.apply(write, *[step_of(op) for op in write.ops])
    assert sent == [10, 10, 5]


def test_versions_are_left_alone_where_nobody_asks() -> None:
    bench = Bench({"/app": replace(node(b"1"), version=9)}, {"/app": node(b"1")}, Settings())
    bench.later(1)
    assert (bench.reads(), bench.writes()) == ([], [])


def test_a_change_of_somebody_else_comes_before_a_version() -> None:
    bench = counted(5, 2)
    bench.later(1)
    bench.answer_reads({"/app": b"1"})
    [write] = bench.writes()
    bench.change(B, DataSet("/app", b"2", 3))
    bench.tell(Refused(write.batch, bench.zxid[B], 0, Refusal.VERSION))
    [change] = bench.writes()
    assert (change.side, change.ops) == (A, (SetData("/app", b"2", 5),))
    bench.apply(change, DataSet("/app", b"2", 6))
    bench.later(1)
    bench.answer_reads({"/app": b"2"})
    [write] = bench.writes()
    assert (write.side, [op.version for op in write.ops if isinstance(op, SetData)]) == (
        B,
        [3, 4, 5],
    )
