"""A Mesos v1 framework that knows nothing but the protocol (scheduler.proto, recordio.md)."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from tests.conformance import protos
from tests.conformance.raw_http import JSON, LOCAL, Answer, Json, open_stream, read_records, request

SCHEDULER = "/api/v1/scheduler"
WAIT_S = 60.0
T = TypeVar("T")
Status = Json
Offer = Json


class RawFramework:
    """One framework: its subscription, everything it was told, and calls to make.

    Updates are acknowledged as they come unless ``acknowledges`` is false. ``async with`` tears the
    framework down at the end, as a framework that is done does.
    """

    media_type = JSON

    def __init__(
        self, port: int, name: str = "raw", *, acknowledges: bool = True, **info: Json
    ) -> None:
        self.port = port
        self.host = LOCAL
        self.info: dict[str, Json] = {"user": "root", "name": name, **info}
        self.acknowledges = acknowledges
        self.stream_id = ""
        self.events: list[Json] = []
        self.is_ended = False
        self._news = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task_numbers = itertools.count()
        self._answered: set[str] = set()

    async def __aenter__(self) -> Self:
        await self.subscribe()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.is_ended:
            await self.call("TEARDOWN")
        await self.disconnect()

    @property
    def id(self) -> str:
        framework_id: str = self.info["id"]["value"]
        return framework_id

    def encode(self, call: Json) -> bytes:
        """A call as it is sent."""
        return json.dumps(call).encode()

    def decode(self, event: bytes) -> Json:
        """An event as it came."""
        return json.loads(event)

    # --- the subscription ------------------------------------------------------------------------

    async def subscribe(self) -> Json:
        """Open the event stream; return the SUBSCRIBED event, or the ERROR that came instead."""
        call: dict[str, Json] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        status, headers, reader, self._writer = await open_stream(
            self.port,
            SCHEDULER,
            self.encode(call),
            {"Content-Type": self.media_type, "Accept": self.media_type, "Connection": "close"},
            self.host,
        )
        assert status == 200, f"SUBSCRIBE was answered {status}"
        assert headers["transfer-encoding"] == "chunked"
        assert headers["content-type"] == self.media_type
        self.stream_id = headers["mesos-stream-id"]
        self.events.clear()
        self.is_ended = False
        self._reader = asyncio.create_task(self._read(reader))
        first = await self.wait_for(lambda: self.events[:1])
        if first[0]["type"] == "SUBSCRIBED":
            self.info["id"] = first[0]["subscribed"]["framework_id"]
        return first[0]

    async def disconnect(self) -> None:
        """Drop the connection, as a framework that crashed does."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        if self._writer is not None:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            async for event in read_records(reader, self.decode):
                await self._handle(event)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # cut without the last chunk, as a server that is killed does
        async with self._news:
            self.is_ended = True
            self._news.notify_all()

    async def _handle(self, event: Json) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()
        if event["type"] == "UPDATE" and self.acknowledges:
            await self.acknowledge(event["update"]["status"])

    async def wait_for(self, ask: Callable[[], T], timeout_s: float = WAIT_S) -> T:
        """Wait until what has been heard makes the answer true; return it."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: ask() or self.is_ended)
        except TimeoutError:
            tail = json.dumps(self.events[-5:])[:2000]
            raise AssertionError(f"not heard within {timeout_s} s; the last was {tail}") from None
        answer = ask()
        assert answer, f"the stream ended before; the last event was {self.events[-1:]}"
        return answer

    async def wait_for_end(self) -> None:
        """Wait until the master closes the stream."""
        await self.wait_for(lambda: self.is_ended)

    # --- what was heard --------------------------------------------------------------------------

    def of_type(self, kind: str) -> list[Json]:
        """What the events of a type carry, in order."""
        field = kind.lower()
        return [event.get(field) for event in self.events if event["type"] == kind]

    def offers(self) -> list[Offer]:
        """All offers heard that were neither rescinded nor answered."""
        over = {rescind["offer_id"]["value"] for rescind in self.of_type("RESCIND")}
        over |= self._answered
        heard = [offer for event in self.of_type("OFFERS") for offer in event["offers"]]
        return [offer for offer in heard if offer["id"]["value"] not in over]

    def statuses(self, task_id: str | None = None) -> list[Status]:
        """The statuses heard, of one task or of all."""
        heard = [update["status"] for update in self.of_type("UPDATE")]
        return [s for s in heard if task_id is None or s["task_id"]["value"] == task_id]

    def states(self, task_id: str) -> list[str]:
        """The states that a task was heard to be in."""
        return [status["state"] for status in self.statuses(task_id)]

    def in_state(self, state: str) -> set[str]:
        """The tasks that were heard to be in a state."""
        return {s["task_id"]["value"] for s in self.statuses() if s["state"] == state}

    async def wait_for_state(self, state: str, task_ids: Iterable[str]) -> None:
        """Wait until every one of the tasks was heard to be in a state."""
        wanted = set(task_ids)
        await self.wait_for(lambda: wanted <= self.in_state(state))

    async def wait_for_offers(self, agents: int) -> list[Offer]:
        """Wait for offers of so many agents; the newest of each."""

        def newest() -> list[Offer]:
            by_agent = {offer["agent_id"]["value"]: offer for offer in self.offers()}
            return list(by_agent.values()) if len(by_agent) >= agents else []

        return await self.wait_for(newest)

    async def wait_for_heartbeats(self, count: int) -> None:
        """Let some of the master's own time pass."""
        heard = len(self.of_type("HEARTBEAT"))
        await self.wait_for(lambda: len(self.of_type("HEARTBEAT")) >= heard + count)

    # --- calls -----------------------------------------------------------------------------------

    async def call(self, kind: str, fields: Json | None = None) -> Answer:
        """Make a call and expect that it is accepted."""
        answer = await self.try_call(kind, fields)
        assert answer.status == 202, f"{kind} was answered {answer.status}: {answer.text}"
        return answer

    async def try_call(self, kind: str, fields: Json | None = None, **headers: str) -> Answer:
        """Make a call; the field is named like the type."""
        call = {"type": kind, "framework_id": self.info["id"]}
        if fields is not None:
            call[kind.lower()] = fields
        sent = {"Content-Type": self.media_type, "Mesos-Stream-Id": self.stream_id, **headers}
        return await request(self.port, "POST", SCHEDULER, self.encode(call), sent, self.host)

    async def acknowledge(self, status: Status) -> None:
        """Acknowledge an update that wants to be acknowledged."""
        if "uuid" in status:
            fields = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            await self.try_call("ACKNOWLEDGE", fields)

    async def launch(
        self, offer: Offer, tasks: Sequence[Json], refuse_seconds: float = 0.0
    ) -> list[str]:
        """Accept an offer with tasks; return their ids."""
        fields = {
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
            "filters": {"refuse_seconds": refuse_seconds},
        }
        self._answered.add(offer["id"]["value"])
        await self.call("ACCEPT", fields)
        return [task["task_id"]["value"] for task in tasks]

    async def launch_one(self, command: str = "sleep 1000", **task: Json) -> str:
        """Launch one task on whatever is offered first."""
        (offer, *_) = await self.wait_for_offers(1)
        (task_id,) = await self.launch(offer, [self.task(offer, command, **task)])
        return task_id

    async def decline(self, offers: Iterable[Offer], refuse_seconds: float) -> None:
        """Decline offers."""
        ids = [offer["id"] for offer in offers]
        self._answered |= {offer_id["value"] for offer_id in ids}
        await self.call(
            "DECLINE", {"offer_ids": ids, "filters": {"refuse_seconds": refuse_seconds}}
        )

    async def kill(self, task_id: str) -> None:
        """Ask for a task's end."""
        await self.call("KILL", {"task_id": {"value": task_id}})

    async def reconcile(self, *tasks: tuple[str, str | None]) -> None:
        """Ask for the state of tasks (id and agent), or of all when none is given."""
        fields = [
            {"task_id": {"value": task}, **({"agent_id": {"value": agent}} if agent else {})}
            for task, agent in tasks
        ]
        await self.call("RECONCILE", {"tasks": fields})

    def task(self, offer: Offer, command: str = "sleep 1000", **fields: Json) -> Json:
        """A small command task for the offered agent."""
        name = f"{self.info['name']}.{next(self._task_numbers)}"
        return {
            "name": name,
            "task_id": {"value": name},
            "agent_id": offer["agent_id"],
            "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
            "command": {"value": command},
            **fields,
        }


class ProtobufFramework(RawFramework):
    """The same, speaking protobuf both ways as frameworks written with mesos-go do."""

    media_type = "application/x-protobuf"

    def encode(self, call: Json) -> bytes:
        return protos.encode("Call", call)

    def decode(self, event: bytes) -> Json:
        return protos.decode("Event", event)


def scalar(name: str, value: float) -> Json:
    """A scalar resource."""
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}
