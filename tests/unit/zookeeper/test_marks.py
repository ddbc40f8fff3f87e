"""What fresh reads are made into: only what is new, parents first, grouped by who wrote."""

from tests.unit.zookeeper.replies import STAT

from orchestrator.zookeeper.jute.records import OPEN, Stat, Znode
from orchestrator.zookeeper.marks import Marks, Reading, is_as_marked, numbers_children, znode_of
from orchestrator.zookeeper.source import Seen, Transaction


def reading(path: str, czxid: int, mzxid: int, *, aversion: int = 0, creates: int = 0) -> Reading:
    znode = Znode(b"", OPEN, 0, 0, creates, aversion, mzxid * 10, mzxid, czxid)
    return Reading(path, znode, [])


def steps(transactions: list[Transaction]) -> list[list[str]]:
    return [[step.path for step in transaction.steps] for transaction in transactions]


def test_what_was_read_before_is_no_news() -> None:
    marks = Marks()
    first = reading("/a", 1, 1)
    assert steps(marks.changes([first], [], 0, 0)) == [["/a"]]
    assert marks.changes([first], [], 0, 0) == []
    assert steps(marks.changes([reading("/a", 1, 2)], [], 0, 0)) == [["/a"]]
    assert steps(marks.changes([reading("/a", 1, 2, aversion=1)], [], 0, 0)) == [["/a"]]
    assert steps(marks.changes([reading("/a", 1, 2, aversion=1, creates=1)], [], 0, 0)) == [["/a"]]


def test_a_node_that_is_gone_is_said_once_and_only_if_it_was_known() -> None:
    marks = Marks()
    marks.put(reading("/a", 1, 1))
    marks.put(reading("/a/b", 2, 2))
    gone = marks.changes([], ["/a", "/never", "/a/b"], 7, 123)
    assert gone == [
        Transaction(7, 0, 123, (Seen("/a/b", None),)),
        Transaction(7, 0, 123, (Seen("/a", None),)),
    ]
    assert "/a" not in marks
    assert marks.changes([], ["/a"], 7, 123) == []


def test_nodes_that_were_written_at_once_stay_together() -> None:
    read = [reading("/c", 2, 2), reading("/b", 5, 5), reading("/a", 5, 5)]
    transactions = Marks().changes(read, [], 9, 0)
    assert steps(transactions) == [["/c"], ["/a", "/b"]]
    assert [(each.zxid, each.time, each.session) for each in transactions] == [
        (9, 20, 0),
        (9, 50, 0),
    ]


def test_a_parent_that_was_written_after_its_children_still_comes_first() -> None:
    read = [reading("/p/c", 5, 5), reading("/p", 4, 9), reading("/q", 1, 9), reading("/p/d", 5, 8)]
    flat = [path for group in steps(Marks().changes(read, [], 0, 0)) for path in group]
    assert flat.index("/p") < min(flat.index("/p/c"), flat.index("/p/d"))
    multi = [reading("/m/c", 5, 5), reading("/m", 5, 9)]
    assert steps(Marks().changes(multi, [], 0, 0)) == [["/m"], ["/m/c"]]


def test_the_counter_of_sequential_nodes_is_the_number_of_creations() -> None:
    stat = STAT._replace(cversion=5, num_children=1)  # three came, two went
    assert znode_of(b"", None, stat).cversion == 3


def test_a_node_is_as_marked_while_nothing_of_it_was_written() -> None:
    marks = Marks()
    stat: Stat = STAT
    marks.put(Reading("/a", znode_of(b"", OPEN, stat), []))
    mark = marks.get("/a")
    assert mark is not None
    assert is_as_marked(mark, stat._replace(num_children=7, pzxid=99))
    for change in ({"mzxid": 99}, {"aversion": 99}, {"czxid": 99}):
        assert not is_as_marked(mark, stat._replace(**change))


def test_only_names_that_end_in_ten_digits_count() -> None:
    assert numbers_children("/a/n_0000000012")
    assert not numbers_children("/a/n_12")
