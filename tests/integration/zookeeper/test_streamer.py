"""The stream's connections, with a leader that is played: lost, silent, slow, and gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from tests.support import free_port
from tests.unit.zookeeper.leader import Leader

from orchestrator.zookeeper.jute.quorum import Kind, Packet, encode_packet, read_packet
from orchestrator.zookeeper.jute.records import OPEN, Znode
from orchestrator.zookeeper.jute.transactions import SetDataTxn
from orchestrator.zookeeper.source import (
    Event,
    Interrupted,
    Reached,
    SnapshotStarted,
    Transaction,
)
from orchestrator.zookeeper.stream import Address, Streamer, StreamSettings

PLAIN = Znode(b"", OPEN, 0, 0, 0, 0, 0, 0, 0)
Part = Callable[["Played"], Awaitable[None]]


class Played:
    """One connection of a leader that is played."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = b""

    async def hear(self, kind: Kind) -> Packet:
        """The next packet, which is of this kind. Raises EOFError."""
        while True:
            packet, number = read_packet(self._unread, 0, 2**20)
            if packet is not None:
                self._unread = self._unread[number:]
                assert packet.kind == kind
                return packet
            data = await self._reader.read(2**16)
            if not data:
                raise EOFError
            self._unread += data

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    async def greet(self, leader: Leader) -> int:
        """Up to the learner's position."""
        await self.hear(Kind.OBSERVER_INFO)
        self.say(leader.greeting())
        return (await self.hear(Kind.ACK_EPOCH)).zxid

    async def level(self, leader: Leader) -> None:
        self.say(leader.level())
        await self.hear(Kind.ACK)
        await self.hear(Kind.ACK)


@asynccontextmanager
async def played(*parts: Part) -> AsyncIterator[Address]:
    """A leader that plays a part for each connection, one after the other."""
    left = list(parts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await left.pop(0)(Played(reader, writer))
        except (EOFError, ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port := free_port())
    async with server:
        yield "127.0.0.1", port


def follow(
    *addresses: Address, position: int | None = None, **settings: float
) -> AsyncGenerator[Event, None]:
    async def members() -> list[Address]:
        return list(addresses)

    return Streamer(members, "", StreamSettings(**settings)).events(position)  # type: ignore[arg-type]


async def until(events: AsyncGenerator[Event, None], kind: type[Event]) -> list[Event]:
    """What is said until something of a kind is."""
    found = []
    async for event in events:
        found.append(event)
        if isinstance(event, kind):
            return found
    raise AssertionError(found)


async def test_after_the_leader_hung_up_it_goes_on_behind_what_it_heard() -> None:
    leader, positions = Leader(), []

    async def first(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        talk.say(leader.inform(SetDataTxn("/a", b"1", 1)))

    async def second(talk: Played) -> None:
        positions.append(await talk.greet(leader))
        talk.say(leader.diff() + leader.proposed(SetDataTxn("/a", b"2", 2)))
        await talk.level(leader)
        await asyncio.Event().wait()

    async with played(first, second) as address, aclosing(follow(address)) as events:
        begun = await until(events, Interrupted)
        went_on = await until(events, Reached)
        assert isinstance(begun[0], SnapshotStarted)
        assert positions == [(5 << 32) + 1]
        transactions = [e for e in [*begun, *went_on] if isinstance(e, Transaction)]
        assert [e.zxid for e in transactions] == [(5 << 32) + 1, (5 << 32) + 2]


async def test_of_several_members_the_one_that_leads_is_found() -> None:
    leader = Leader()

    async def part(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        await asyncio.Event().wait()

    closed = [("127.0.0.1", free_port()) for _ in range(2)]
    async with played(part) as address, aclosing(follow(*closed, address)) as events:
        assert isinstance((await until(events, Reached))[0], SnapshotStarted)


async def test_that_nobody_leads_is_said_with_the_reasons() -> None:
    address = ("127.0.0.1", free_port())
    async with aclosing(follow(address)) as events:
        (said,) = await until(events, Interrupted)
        assert isinstance(said, Interrupted)
        assert said.reason.startswith(
            f"no leader answers on its quorum port (127.0.0.1:{address[1]}"
        )


async def test_a_leader_that_says_nothing_is_left() -> None:
    leader = Leader()

    async def silent(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        await talk.hear(Kind.PING)

    async with played(silent) as address, aclosing(follow(address, silence_s=0.05)) as events:
        last = (await until(events, Interrupted))[-1]
        assert isinstance(last, Interrupted)
        assert "the leader says nothing for 0.05 s" in last.reason


async def test_while_its_receiver_is_busy_the_leader_hears_that_it_lives_and_may_talk_on() -> None:
    leader, pings = Leader(), asyncio.Event()

    async def part(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        for number in range(1, 1_001):
            talk.say(leader.inform(SetDataTxn("/a", bytes(1_000), number)))
        await talk.hear(Kind.PING)
        await talk.hear(Kind.PING)
        pings.set()
        await asyncio.Event().wait()

    async with played(part) as address, aclosing(follow(address)) as events:
        await until(events, Transaction)  # and now it is not asked for more
        await pings.wait()
        last = [(await until(events, Transaction))[-1] for _ in range(999)][-1]
        assert isinstance(last, Transaction)
        assert last.zxid == (5 << 32) + 1_000


async def test_more_than_it_holds_is_not_left_to_the_leader_and_it_goes_on_from_there() -> None:
    leader, positions = Leader(), []
    gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def flood(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        said = 0
        try:
            while True:
                said += 1
                talk.say(leader.inform(SetDataTxn("/a", bytes(10_000), said)))
                await talk.drain()
        except ConnectionError:
            gone.set_result(said)

    async def second(talk: Played) -> None:
        positions.append(await talk.greet(leader))

    async with (
        played(flood, second) as address,
        aclosing(follow(address, held_bytes=2**20)) as events,
    ):
        await until(events, Transaction)
        said = await gone
        told = await until(events, Interrupted)
        last = told[-1]
        assert isinstance(last, Interrupted)
        assert "more was said than is taken" in last.reason
        zxids = [event.zxid for event in told if isinstance(event, Transaction)]
        assert zxids == [(5 << 32) + number for number in range(2, len(zxids) + 2)]
        assert 50 < len(zxids) <= said
        await until(events, Interrupted)
        assert positions == [zxids[-1]]


async def test_what_cannot_be_read_is_passed_over_by_a_snapshot() -> None:
    leader, positions = Leader(), []

    async def first(talk: Played) -> None:
        await talk.greet(leader)
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        talk.say(leader.inform(SetDataTxn("/a", b"1", 1)))
        talk.say(encode_packet(Packet(Kind.INFORM, 7, bytes(20))))
        await asyncio.Event().wait()

    async def second(talk: Played) -> None:
        positions.append(await talk.greet(leader))
        talk.say(leader.snap([("/", PLAIN)]))
        await talk.level(leader)
        await asyncio.Event().wait()

    async with played(first, second) as address, aclosing(follow(address)) as events:
        await until(events, Interrupted)
        assert isinstance((await until(events, Reached))[0], SnapshotStarted)
        assert positions[0] >> 32 == 0x7FFFFFFF  # no leader has such an epoch
