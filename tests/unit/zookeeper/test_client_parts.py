"""The smaller parts of the client: the order of servers, the bounds, who listens to what."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.zookeeper.client.servers import LONGEST_PAUSE_S, Servers
from orchestrator.zookeeper.client.watchbook import Gap, WatchBook, kind_of
from orchestrator.zookeeper.client.window import Window
from orchestrator.zookeeper.jute.requests import Exists, GetChildren2, GetData
from orchestrator.zookeeper.jute.watches import AddMode, AddWatch, EventType, Kind, WatchEvent


def first(_: WatchEvent | Gap) -> None:
    pass


def second(_: WatchEvent | Gap) -> None:
    pass


HOSTS = (("a", 1), ("b", 1), ("c", 1))


@given(st.integers(0, 2**32))
def test_every_server_is_tried_before_one_is_tried_again(seed: int) -> None:
    servers = Servers(HOSTS, random.Random(seed))
    tried = [servers.next() for _ in range(6)]
    assert set(tried[:3]) == set(HOSTS)
    assert tried[3:] == tried[:3]


@given(st.integers(0, 2**32))
def test_pauses_grow_with_rounds_to_a_bound_and_begin_anew(seed: int) -> None:
    servers = Servers(HOSTS, random.Random(seed))
    pauses = [servers.failed() for _ in range(60)]
    assert max(pauses[:3]) <= 0.05
    assert all(LONGEST_PAUSE_S / 2 <= pause <= LONGEST_PAUSE_S for pause in pauses[-3:])
    servers.succeeded()
    assert servers.failed() <= 0.05


async def test_a_full_window_lets_waiters_in_when_a_quarter_is_free() -> None:
    window = Window(4, 1000)
    for _ in range(4):
        window.take(10)
    waiters = [asyncio.create_task(window.room()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiters)
    window.give(10)
    await asyncio.gather(*waiters)


async def test_one_request_may_go_over_the_bound_in_bytes() -> None:
    window = Window(4, 1000)
    await window.room()
    window.take(5000)
    assert window.full
    window.give(5000)
    assert not window.full


@pytest.mark.parametrize(
    ("path", "heard"),
    [("/a", True), ("/a/b/c", True), ("/ab", False), ("/", False)],
)
def test_a_recursive_watch_hears_of_its_path_and_below(path: str, heard: bool) -> None:
    book = WatchBook()
    book.add(Kind.RECURSIVE, "/a", first)
    event = WatchEvent(EventType.DATA_CHANGED, path, -1)
    assert book.heard(event) == [first] * heard
    assert book.heard(event) == [first] * heard
    assert book.heard(event._replace(type=EventType.CHILDREN_CHANGED)) == []


def test_a_watch_of_the_root_hears_of_everything() -> None:
    book = WatchBook()
    book.add(Kind.RECURSIVE, "/", first)
    assert book.heard(WatchEvent(EventType.CREATED, "/a/b", -1)) == [first]
    assert book.heard(WatchEvent(EventType.DATA_CHANGED, "/", -1)) == [first]


def test_a_watch_of_a_read_ends_with_its_event() -> None:
    book = WatchBook()
    book.add(Kind.DATA, "/a", first)
    book.add(Kind.CHILDREN, "/a", second)
    assert book.heard(WatchEvent(EventType.DATA_CHANGED, "/a", -1)) == [first]
    assert book.all() == [(Kind.CHILDREN, "/a")]
    assert book.heard(WatchEvent(EventType.DELETED, "/a", -1)) == [second]
    assert book.all() == []


def test_the_watch_of_a_request_is_that_which_the_server_set() -> None:
    assert kind_of(Exists("/a", True), True) is Kind.DATA
    assert kind_of(Exists("/a", True), False) is Kind.EXISTS
    assert kind_of(GetData("/a", True), False) is None
    assert kind_of(GetChildren2("/a", True), True) is Kind.CHILDREN
    assert kind_of(GetData("/a"), True) is None
    assert kind_of(AddWatch("/a", AddMode.PERSISTENT), True) is Kind.PERSISTENT
    assert kind_of(AddWatch("/a"), True) is Kind.RECURSIVE


def test_only_watches_that_stay_are_told_of_a_gap() -> None:
    book = WatchBook()
    book.add(Kind.DATA, "/a", first)
    book.add(Kind.RECURSIVE, "/b", second)
    book.add(Kind.RECURSIVE, "/b", second)
    assert book.lasting() == [second]
    book.remove("/b")
    assert book.lasting() == []
