"""One connection without a socket: what is sent, what is made of what comes, and how it ends."""

import asyncio
import struct

import pytest
from tests.unit.zookeeper import replies

from orchestrator.zookeeper.client.connection import Answer, Connection, Under
from orchestrator.zookeeper.client.window import Window
from orchestrator.zookeeper.jute import errors, frames
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.requests import Data, Delete, Exists, GetData
from orchestrator.zookeeper.jute.sessions import Auth
from orchestrator.zookeeper.jute.watches import EventType, SetWatches, WatchEvent


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.is_aborted = True


class Owner:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def answered(self, under: Under, found: bool) -> None:
        self.told.append((under.request, found))

    def event(self, event: WatchEvent) -> None:
        self.told.append(event)

    def lost(self, connection: Connection, reason: errors.ZooKeeperError) -> None:
        self.told.append(reason)


class Opened:
    """A connection that was greeted."""

    def __init__(self, max_reply_bytes: int = 1000) -> None:
        self.owner = Owner()
        self.wire = Wire()
        self.window = Window(10, 10_000)
        self.connection = Connection(self.owner, self.window, "", max_reply_bytes)
        self.connection.connection_made(self.wire)
        self.hear(replies.welcome(5, 4000))

    def hear(self, data: bytes) -> None:
        self.connection.data_received(data)

    def read(self, path: str) -> asyncio.Future[Answer[Data]]:
        request = GetData(path)
        return self.connection.send(request, request.encode(""))

    async def turn(self) -> None:
        await asyncio.sleep(0)


async def test_what_is_sent_in_one_turn_goes_out_in_one_write() -> None:
    opened = Opened()
    opened.read("/a")
    opened.read("/b")
    assert opened.wire.written == []
    await opened.turn()
    (written,) = opened.wire.written
    first, second = frames.Framer(1000).feed(written)
    assert first == struct.pack(">ii", 1, 4) + GetData("/a").encode("")
    assert second == struct.pack(">ii", 2, 4) + GetData("/b").encode("")


async def test_replies_are_given_to_who_asked_with_their_zxid() -> None:
    opened = Opened()
    one, other, third = opened.read("/a"), opened.read("/b"), opened.read("/c")
    opened.hear(replies.frame(1, 7, body=replies.data(b"x")) + replies.frame(2, 8, -101))
    assert await one == (7, (b"x", replies.STAT))
    with pytest.raises(errors.NoNode) as missing:
        await other
    assert (missing.value.path, missing.value.zxid) == ("/b", 8)
    assert not third.done()
    assert (opened.connection.zxid, opened.window.requests) == (8, 1)


async def test_a_failed_multi_says_the_zxid_of_its_answer() -> None:
    opened = Opened()
    request = Multi((Delete("/a"),))
    future = opened.connection.send(request, request.encode(""))
    opened.hear(replies.frame(1, 9, body=replies.failure(-101) + replies.END))
    with pytest.raises(errors.MultiFailed) as failed:
        await future
    assert (failed.value.index, failed.value.zxid, failed.value.error.zxid) == (0, 9, 9)


async def test_all_under_way_fails_in_order_when_the_connection_is_lost() -> None:
    opened = Opened()
    futures = [opened.read(f"/{number}") for number in range(3)]
    futures[1].cancel()
    opened.connection.connection_lost(None)
    (told,) = opened.owner.told
    assert isinstance(told, errors.ConnectionLoss)
    for future in (futures[0], futures[2]):
        with pytest.raises(errors.ConnectionLoss, match="the server closed the connection"):
            await future
    assert (opened.window.requests, opened.window.bytes) == (0, 0)
    opened.hear(replies.frame(1, 1))  # nothing is made of what comes later
    assert opened.owner.told == [told]


async def test_a_reply_out_of_order_ends_the_connection() -> None:
    opened = Opened()
    future = opened.read("/a")
    opened.hear(replies.frame(2, 1))
    with pytest.raises(errors.ConnectionLoss, match="request 2 came out of order"):
        await future
    assert opened.wire.is_aborted


async def test_a_broken_reply_is_told_to_who_asked_and_ends_the_connection() -> None:
    opened = Opened()
    one, other = opened.read("/a"), opened.read("/b")
    opened.hear(replies.frame(1, 1, body=b"\0\0"))
    with pytest.raises(errors.FrameError, match="cut short"):
        await one
    with pytest.raises(errors.ConnectionLoss):
        await other


async def test_a_reply_that_is_too_long_is_told_to_who_asked() -> None:
    opened = Opened(max_reply_bytes=100)
    one, other = opened.read("/a"), opened.read("/b")
    opened.hear(struct.pack(">i", 101))
    with pytest.raises(errors.FrameTooLarge):
        await one
    with pytest.raises(errors.ConnectionLoss):
        await other


async def test_events_are_told_between_replies() -> None:
    opened = Opened()
    opened.hear(replies.event(3, "/a", 12))
    assert opened.owner.told == [WatchEvent(EventType.DATA_CHANGED, "/a", 12)]
    assert opened.connection.zxid == 0


async def test_a_watch_is_told_before_its_event_can_come() -> None:
    opened = Opened()
    request = Exists("/a", True)
    future = opened.connection.send(request, request.encode(""), lambda _: None)
    opened.hear(replies.frame(1, 3, -101) + replies.event(1, "/a"))
    assert opened.owner.told[0] == (request, False)
    assert isinstance(opened.owner.told[1], WatchEvent)
    with pytest.raises(errors.NoNode):
        await future


async def test_a_refused_identity_is_an_error() -> None:
    opened = Opened()
    future = opened.connection.authenticate(Auth("digest", b"u:p"))
    opened.hear(replies.frame(frames.AUTH_XID, 0, -115))
    with pytest.raises(errors.AuthFailed):
        await future


async def test_watches_that_cannot_be_set_again_end_the_connection() -> None:
    opened = Opened()
    opened.connection.set_watches(SetWatches(1, ("/a",)))
    opened.hear(replies.frame(frames.SET_WATCHES_XID, 0, -6))
    (reason,) = opened.owner.told
    assert "watches could not be set again" in str(reason)


async def test_a_server_that_does_not_speak_zookeeper_is_said() -> None:
    owner = Owner()
    connection = Connection(owner, Window(1, 1), "", 1000)
    connection.connection_made(Wire())
    connection.data_received(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(errors.ConnectionLoss, match="longer than 1000"):
        await connection.welcome


async def test_xids_begin_anew_when_they_are_used_up() -> None:
    opened = Opened()
    opened.connection._xid = frames.LAST_XID - 1
    last, first = opened.read("/a"), opened.read("/b")
    body = replies.data(None)
    opened.hear(replies.frame(frames.LAST_XID, 1, body=body) + replies.frame(1, 2, body=body))
    assert await last == (1, (None, replies.STAT))
    assert await first == (2, (None, replies.STAT))


async def test_a_connection_that_sends_nothing_sends_pings() -> None:
    opened = Opened()
    opened.connection._sent_at -= 3600
    opened.connection.keep_alive(3600)
    await opened.turn()
    assert opened.wire.written == [struct.pack(">iii", 8, frames.PING_XID, 11)]
    opened.hear(replies.frame(frames.PING_XID, 33))
    assert opened.connection.zxid == 33
    opened.connection.lose(errors.ConnectionLoss("the test is over"))


async def test_a_server_that_says_nothing_is_given_up() -> None:
    opened = Opened()
    future = opened.read("/a")
    opened.connection.keep_alive(0.03)
    with pytest.raises(errors.ConnectionLoss, match="nothing was heard for"):
        await future
    assert opened.wire.is_aborted
