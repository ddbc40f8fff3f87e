"""A framework under load: an event stream, and a few pipelined connections for its calls.

Calls do not wait for the answers to earlier ones, as in Mesos' own scheduler library
(src/scheduler/scheduler.cpp), and are spread over connections, as by a client with a pool.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from typing import cast

import msgspec

from benchmarks.simulated.agents import Id

_PATH = "/api/v1/scheduler"
_ACCEPTED = b"HTTP/1.1 202"
_INFO = {"user": "root", "name": "load", "failover_timeout": 3600.0}


class _FrameworkOf(msgspec.Struct, gc=False):
    framework_id: Id


class Offer(msgspec.Struct, gc=False):
    """What is needed of an offer to accept it."""

    id: Id
    agent_id: Id


class _Offers(msgspec.Struct):
    offers: list[Offer]


class Status(msgspec.Struct, gc=False):
    """What is needed of a status to acknowledge it."""

    task_id: Id
    agent_id: Id
    state: str
    uuid: str | None = None


class _Update(msgspec.Struct, gc=False):
    status: Status


class _Event(msgspec.Struct):
    type: str
    subscribed: _FrameworkOf | None = None
    offers: _Offers | None = None
    update: _Update | None = None


_decode = msgspec.json.Decoder(_Event).decode


class Framework:
    """Subscribes, hears and calls; what to do with offers and statuses, its user says."""

    def __init__(self, port: int, connections: int = 8) -> None:
        self.port = port
        self.id = ""
        self.on_offers: Callable[[list[Offer]], None] = lambda _: None
        self.on_status: Callable[[Status], None] = lambda _: None
        self.updates = 0
        self.first_update: bytes | None = None  # an event, for the stub to repeat
        self._connections = connections
        self._calls: list[_Calls] = []
        self._next_calls: Iterator[_Calls]
        self._events: _EventStream
        self._head = ""

    async def subscribe(self) -> None:
        """Open the connections and wait for SUBSCRIBED."""
        loop = asyncio.get_running_loop()
        self._is_subscribed: asyncio.Future[None] = loop.create_future()
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": _INFO}}
        self._events = _EventStream(json.dumps(call).encode(), self._hear)
        await loop.create_connection(lambda: self._events, "127.0.0.1", self.port)
        await self._is_subscribed
        for _ in range(self._connections):
            _, calls = await loop.create_connection(_Calls, "127.0.0.1", self.port)
            self._calls.append(calls)
        self._next_calls = itertools.cycle(self._calls)
        self._head = (
            f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\nMesos-Stream-Id: {self._events.stream_id}\r\n"
            "Content-Length: "
        )

    def accept(self, offer: Offer, task_ids: list[str], cpus: float, mem_mb: float) -> None:
        """Launch tasks of that size on an offer."""
        tasks = ",".join(
            f'{{"name":"{task_id}","task_id":{{"value":"{task_id}"}},'
            f'"agent_id":{{"value":"{offer.agent_id.value}"}},"resources":['
            f'{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}}}},'
            f'{{"name":"mem","type":"SCALAR","scalar":{{"value":{mem_mb}}}}}],'
            '"command":{"value":"sleep 1000"}}'
            for task_id in task_ids
        )
        self._call(
            f'{{"type":"ACCEPT","framework_id":{{"value":"{self.id}"}},"accept":{{"offer_ids":'
            f'[{{"value":"{offer.id.value}"}}],"operations":[{{"type":"LAUNCH","launch":'
            f'{{"task_infos":[{tasks}]}}}}],"filters":{{"refuse_seconds":3600}}}}}}'
        )

    def acknowledge(self, status: Status) -> None:
        """Acknowledge an update."""
        self._call(
            f'{{"type":"ACKNOWLEDGE","framework_id":{{"value":"{self.id}"}},"acknowledge":'
            f'{{"agent_id":{{"value":"{status.agent_id.value}"}},'
            f'"task_id":{{"value":"{status.task_id.value}"}},"uuid":"{status.uuid}"}}}}'
        )

    async def teardown(self) -> None:
        """End the framework and its tasks."""
        self._call(f'{{"type":"TEARDOWN","framework_id":{{"value":"{self.id}"}}}}')
        await self._events.ended
        self.close()

    def close(self) -> None:
        """Drop all connections."""
        self._events.transport.abort()
        for calls in self._calls:
            calls.transport.abort()

    def _call(self, body: str) -> None:
        next(self._next_calls).send(f"{self._head}{len(body)}\r\n\r\n{body}".encode())

    def _hear(self, record: bytes) -> None:
        event = _decode(record)
        if event.update is not None:
            self.first_update = self.first_update or record
            self.updates += 1
            self.acknowledge(event.update.status)
            self.on_status(event.update.status)
        elif event.offers is not None:
            self.on_offers(event.offers.offers)
        elif event.subscribed is not None:
            self.id = event.subscribed.framework_id.value
            self._is_subscribed.set_result(None)
        elif event.type == "ERROR":
            raise ConnectionError(record.decode())


class _Calls(asyncio.Protocol):
    """Pipelines requests: all that were made in one turn of the loop leave together."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(request)

    def data_received(self, data: bytes) -> None:
        """Look at the answers: every one of them has to be 202."""
        data = self._tail + data
        answers = data.count(b"HTTP/1.1 ")
        accepted = data.count(_ACCEPTED)
        # An answer's first line may be cut by the end of the data; it is looked at again then.
        cut = data.rfind(b"H")
        is_cut = cut >= 0 and len(data) - cut < len(_ACCEPTED)
        self._tail = data[cut:] if is_cut else b""
        if is_cut and b"HTTP/1.1 " in self._tail:
            answers -= 1
        if answers != accepted:
            raise ConnectionError(f"a call was not accepted: {data[:400]!r}")

    def _flush(self) -> None:
        self.transport.write(b"".join(self._waiting))
        self._waiting.clear()


class _EventStream(asyncio.Protocol):
    """The response to SUBSCRIBE: chunks that hold RecordIO."""

    def __init__(self, call: bytes, hear: Callable[[bytes], None]) -> None:
        self._call = call
        self._hear = hear
        self._raw = b""
        self._records = b""
        self._has_head = False
        self.stream_id = ""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(self._call)}\r\n\r\n".encode()
            + self._call
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._raw + data
        if not self._has_head:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._raw = head
                return
            self._read_head(head.decode())
        self._raw = self._take_chunks(data)
        self._records = self._take_records(self._records)

    def _read_head(self, head: str) -> None:
        if " 200 " not in head[:16]:
            raise ConnectionError(f"SUBSCRIBE was answered {head[:80]}")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
        self.stream_id = fields["mesos-stream-id"]
        self._has_head = True

    def _take_chunks(self, data: bytes) -> bytes:
        chunks = [self._records]
        position = 0
        while (line_end := data.find(b"\r\n", position)) >= 0:
            size = int(data[position:line_end], 16)
            if size == 0 and not self.ended.done():
                self.ended.set_result(None)
            start = line_end + 2
            if len(data) < start + size + 2:
                break
            chunks.append(data[start : start + size])
            position = start + size + 2
        self._records = b"".join(chunks)
        return data[position:]

    def _take_records(self, data: bytes) -> bytes:
        position = 0
        while (line_end := data.find(b"\n", position)) >= 0:
            start = line_end + 1
            end = start + int(data[position:line_end])
            if len(data) < end:
                break
            self._hear(data[start:end])
            position = end
        return data[position:]
