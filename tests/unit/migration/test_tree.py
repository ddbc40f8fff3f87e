"""What is known of paths, in its short and its long form; and the sums over both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.migration.core.content import AclTable, Content, State
from orchestrator.migration.core.hashing import node_hash
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.tree import Node, Tree, pack, unpack
from orchestrator.zookeeper.jute.records import Acl

digests = st.binary(min_size=16, max_size=16)
contents = st.builds(Content, digests, st.integers(-1, 5), st.sampled_from([0, 1, 60_002, -2]))
states = st.builds(State, contents, st.integers(0, 9), st.integers(0, 9), st.sampled_from([0, 77]))
paths = st.sampled_from(["/a", "/a/b", "/a/b/c", "/a/c", "/d", "/d/e"])
changes = st.lists(st.tuples(paths, st.sampled_from(SIDES), st.none() | states), max_size=30)


def lists() -> AclTable:
    table = AclTable()
    for number in range(6):
        table.number((Acl(31, "digest", f"user-{number}"),))
    return table


def change(tree: Tree, path: str, side: Side, state: State | None) -> None:
    tree.put(tree.open(path), side, state)
    tree.close(path)


@given(st.none() | contents, st.none() | states, st.none() | states, st.integers(0, 9))
def test_a_short_form_says_all_that_the_node_said(
    base: Content | None, a: State | None, b: State | None, time: int
) -> None:
    node = Node("/x")
    node.base, node.states, node.times = base, [a, b], [time, 3]
    again = unpack("/x", pack(node))
    assert again.base == base
    if node.is_settled:
        assert [again.content(side) for side in SIDES] == [base, base]
        assert [s and (s.version, s.aversion) for s in again.states] == [
            s and (s.version, s.aversion) for s in node.states
        ]
    else:
        assert (again.states, again.times) == (node.states, node.times)


@given(changes)
def test_the_sums_are_those_of_the_nodes_that_are_there(
    done: list[tuple[str, Side, State | None]],
) -> None:
    tree, shown = Tree(lists()), ({}, {})  # type: tuple[Tree, tuple[dict[str, Content], ...]]
    for path, side, state in done:
        change(tree, path, side, state)
        shown[side].pop(path, None)
        if state is not None:
            shown[side][path] = state.content
    for side in SIDES:
        hashes = [node_hash(p, c, tree.acls) for p, c in shown[side].items()]
        assert tree.sums.totals[side] == sum(hashes) % (1 << 128)
        assert tree.counts[side] == len(shown[side])
    differ = {
        p for p in shown[0].keys() | shown[1].keys() if _hash(shown, p, 0) != _hash(shown, p, 1)
    }
    assert tree.sums.differs("/") is bool(differ)
    for path in ("/a", "/a/b", "/d"):
        inside = {p for p in differ if p == path or p.startswith(f"{path}/")}
        assert tree.sums.differs(path) is bool(inside)
    assert set(tree.sums.differing()) <= differ


def _hash(shown: tuple[dict[str, Content], ...], path: str, side: int) -> int:
    return node_hash(path, shown[side].get(path), lists())


@given(changes)
def test_what_was_saved_makes_the_same_tree(done: list[tuple[str, Side, State | None]]) -> None:
    tree = Tree(lists())
    for path, side, state in done:
        change(tree, path, side, state)
    again = Tree(tree.acls)
    for path in sorted(set(tree.paths())):
        saved = tree.record(path)
        assert saved is not None
        again.restore(path, saved)
    assert again.sums.totals == tree.sums.totals
    assert again.counts == tree.counts
    assert set(again.unsettled()) == set(tree.unsettled())


def test_a_path_of_which_nothing_is_left_is_forgotten() -> None:
    tree = Tree(lists())
    change(tree, "/a", Side.A, State(Content(b"x" * 16, 0, 0), 0, 0))
    change(tree, "/a", Side.A, None)
    assert "/a" not in tree
    assert len(tree) == 0


def test_looking_opens_nothing() -> None:
    tree = Tree(lists())
    change(tree, "/a", Side.A, State(Content(b"x" * 16, 0, 0), 0, 0))
    assert tree.look("/a").states[Side.A] is not None
    assert tree.look("/b").is_gone
    assert (tree.under_work, len(tree)) == (0, 1)
