"""Streams of ProcessIO: the output of a session as a response, its input as a request body.

Both are RecordIO and both pass data on at the pace of the slower side, so neither grows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from orchestrator.agent.adapters.sessions.running import SessionError
from orchestrator.agent.adapters.sessions.session import Outlet, Session
from orchestrator.mesos import agent_api as api
from orchestrator.mesos import calls, recordio
from orchestrator.mesos.agent_api import AttachContainerInput, Call, ControlType, ProcessIO
from orchestrator.mesos.agent_api.forms import Forms
from orchestrator.mesos.calls import OperatorError, Refusal
from orchestrator.mesos.recordio import RecordError
from orchestrator.runtime.http import CLOSING

HEARTBEAT_S = 30.0  # as Mesos' I/O switchboard
MAX_RECORD_BYTES = 1024 * 1024
LATE_S = 1.0  # how long input is still taken after the command's end, as in Mesos


# --- output --------------------------------------------------------------------------------------


async def send_output(
    outlet: Outlet, forms: Forms, scope: Scope, receive: Receive, send: Send
) -> None:
    """Be the response, until the output ends, or the reader or this server goes."""
    ends = [
        asyncio.create_task(_write(outlet, forms, send)),
        asyncio.create_task(gone(receive)),
    ]
    if (closing := scope.get(CLOSING)) is not None:
        ends.append(asyncio.create_task(closing.wait()))
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(OSError):  # of a send: the reader is gone
            for end in done:
                end.result()
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


async def _write(outlet: Outlet, forms: Forms, send: Send) -> None:
    headers = forms.stream_headers
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send_body(send, b"")  # the headers go at once: clients wait for them to send input
    while (record := await _next(outlet)) is not None:
        await _send_body(send, recordio.encode(forms.accept.encode(record)))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_body(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _next(outlet: Outlet) -> ProcessIO | None:
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            piece = await outlet.get()
    except TimeoutError:
        return api.heartbeat(HEARTBEAT_S)
    return None if piece is None else api.output(*piece)


async def gone(receive: Receive) -> None:
    """Return when the client is."""
    while (await receive())["type"] != "http.disconnect":
        pass


# --- input ---------------------------------------------------------------------------------------


class InputReader:
    """The calls that a request's body is made of. Raises OperatorError for what is none."""

    def __init__(self, receive: Receive, forms: Forms) -> None:
        self._receive = receive
        self._forms = forms
        self._records = recordio.Reader(MAX_RECORD_BYTES)
        self._calls = self._read()

    async def next(self) -> Call | None:
        """The next call; None at the end. Raises ClientDisconnect."""
        return await anext(self._calls, None)

    async def _read(self) -> AsyncIterator[Call]:
        async for chunk in self._chunks():
            try:
                records = self._records.feed(chunk)
            except RecordError as error:
                raise OperatorError(400, f"Failed to decode the request body: {error}") from None
            for record in records:
                call = calls.parse(Call, "agent", self._forms.content, record)
                if isinstance(call, Refusal):
                    raise OperatorError(call.status, call.message)
                yield call
        if not self._records.is_between_records:
            raise OperatorError(400, "The request body ends inside a record")

    async def _chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk


async def pass_input(reader: InputReader, session: Session) -> None:
    """Give a command its input, until there is no more or it has ended.

    Raises OperatorError and ClientDisconnect; the command's input stays open for the next one.
    """
    if session.input_lock.locked():
        raise OperatorError(409, "Multiple input connections are not allowed")
    async with session.input_lock:
        passing = asyncio.create_task(_pass(reader, session))
        try:
            await asyncio.wait((passing, session.ended), return_when=asyncio.FIRST_COMPLETED)
            if not passing.done():
                await asyncio.wait((passing,), timeout=LATE_S)
            if passing.done():
                passing.result()
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)


async def drop_late_input(reader: InputReader) -> None:
    """Read what a client still has to say to a command that has ended, but not for long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LATE_S):
            while await reader.next() is not None:
                pass


async def _pass(reader: InputReader, session: Session) -> None:
    while (call := await reader.next()) is not None:
        record = call.attach_container_input
        if record is None:
            raise OperatorError(400, "Expecting 'attach_container_input' to be present")
        if (problem := record.problem()) is not None:
            raise OperatorError(400, problem)
        await _put_in(record, session)


async def _put_in(record: AttachContainerInput, session: Session) -> None:
    match record.process_io:
        case ProcessIO(data=api.Data(data=data)) if data:
            await session.write(data)
        case ProcessIO(type=api.IOType.DATA):
            await session.end_input()
        case ProcessIO(control=api.Control(type=ControlType.TTY_INFO, tty_info=tty)):
            assert tty is not None
            assert tty.window_size is not None
            try:
                await session.resize(tty.window_size.rows, tty.window_size.columns)
            except SessionError as error:
                raise OperatorError(400, f"Unable to set the window size: {error}") from None
        case _:
            pass  # a heartbeat
