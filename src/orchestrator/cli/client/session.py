"""A conversation with a command beside a task, over the operator API of its agent.

Output comes as one long response. Input goes as one long request, from a thread of its own, and is
cut when the output ends, as then the command has.
"""

from __future__ import annotations

import http.client
import os
import queue
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import msgspec

from orchestrator.cli.client.terminal import Size, Terminal
from orchestrator.cli.client.wire import ContainerID
from orchestrator.cli.errors import CommandError, NotReachableError
from orchestrator.mesos import agent_api, codec, recordio
from orchestrator.mesos.agent_api import AttachInputType, Call, CallType, DataType, ProcessIO
from orchestrator.mesos.types import CommandInfo, ContainerInfo, TTYInfo, WindowSize
from orchestrator.mesos.types import ContainerID as WireID

_PATH = "/api/v1"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_STREAM = {**_JSON, "Accept": "application/recordio", "Message-Accept": "application/json"}
_INPUT = {
    "Content-Type": "application/recordio",
    "Message-Content-Type": "application/json",
    "Transfer-Encoding": "chunked",
}
_SILENCE_S = 90.0  # three heartbeats
_CHUNK_BYTES = 64 * 1024
_FILES = {DataType.STDOUT: 1, DataType.STDERR: 2}
_MAX_QUEUED = 16  # records of input


class Session:
    """With one task: its container at first, then what is launched beside it."""

    def __init__(self, agent_url: str, container: ContainerID) -> None:
        self._netloc = urlsplit(agent_url).netloc
        self._container = _wire(container)
        self._has_left = False  # by the exit sequence
        self._streaming: http.client.HTTPConnection | None = None
        self._input: queue.Queue[ProcessIO | None] = queue.Queue(_MAX_QUEUED)

    def launch(
        self, command: Sequence[str], *, tty: Size | None, is_tty: bool
    ) -> http.client.HTTPResponse:
        """Run a command beside the task. Raises CommandError."""
        self._container = WireID(value=str(uuid.uuid4()), parent=self._container)
        window = WindowSize(rows=tty.rows, columns=tty.columns) if tty is not None else None
        container = ContainerInfo(type="MESOS", tty_info=TTYInfo(window_size=window))
        launch = agent_api.LaunchContainer(
            container_id=self._container,
            command=CommandInfo(value=command[0], arguments=list(command), shell=False),
            container=container if is_tty else None,
        )
        type_ = CallType.LAUNCH_NESTED_CONTAINER_SESSION
        return self._post(Call(type=type_, launch_nested_container_session=launch), _STREAM)

    def attach(self) -> http.client.HTTPResponse:
        """Read the task's own terminal. Raises CommandError."""
        wanted = agent_api.OneContainer(container_id=self._container)
        type_ = CallType.ATTACH_CONTAINER_OUTPUT
        return self._post(Call(type=type_, attach_container_output=wanted), _STREAM)

    def talk(self, output: http.client.HTTPResponse, terminal: Terminal | None) -> int:
        """Pass on what comes and goes until the command ends; its exit code."""
        if terminal is not None:
            if terminal.is_raw and (size := terminal.size()) is not None:
                self._put(_resized(Size(0, 0)))  # so that it draws itself anew
                self._put(_resized(size))
            terminal.on_resize(lambda now: self._put(_resized(now)))
            for work in (partial(self._read_input, terminal), self._send_input):
                threading.Thread(target=work, daemon=True).start()
        try:
            _copy(output)
        except (OSError, http.client.HTTPException) as error:
            if not self._has_left:
                raise NotReachableError(f"the agent is gone: {error}") from None
        return 0 if self._has_left else self._exit_code()

    # --- input ---------------------------------------------------------------------------------

    def _read_input(self, terminal: Terminal) -> None:
        for chunk in terminal.input():
            self._input.put(_typed(chunk))
        if terminal.is_raw:  # by the exit sequence: a raw terminal has no other end
            self._leave()
        self._input.put(_typed(b""))
        self._input.put(None)

    def _leave(self) -> None:
        self._has_left = True
        if self._streaming is not None and self._streaming.sock is not None:
            self._streaming.sock.shutdown(socket.SHUT_RDWR)

    def _send_input(self) -> None:
        connection = http.client.HTTPConnection(self._netloc)
        with suppress(OSError, http.client.HTTPException):  # the command has ended
            connection.request("POST", _PATH, self._records(), _INPUT, encode_chunked=True)
            connection.getresponse().read()
        connection.close()

    def _records(self) -> Iterator[bytes]:
        yield _record(
            agent_api.AttachContainerInput(
                type=AttachInputType.CONTAINER_ID, container_id=self._container
            )
        )
        while True:
            try:
                said = self._input.get(timeout=_SILENCE_S / 3)
            except queue.Empty:
                said = agent_api.heartbeat(_SILENCE_S / 3)
            if said is None:
                return
            yield _record(
                agent_api.AttachContainerInput(type=AttachInputType.PROCESS_IO, process_io=said)
            )

    def _put(self, said: ProcessIO) -> None:
        with suppress(queue.Full):  # a later size counts more
            self._input.put_nowait(said)

    # --- calls ---------------------------------------------------------------------------------

    def _post(self, call: Call, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._netloc, timeout=_SILENCE_S)
        if headers is _STREAM:
            self._streaming = connection
        try:
            connection.request("POST", _PATH, codec.encode(call), headers)
            response = connection.getresponse()
            if response.status != 200:
                sentence = response.read().decode(errors="replace").strip()
                raise CommandError(sentence or f"the agent answered {response.status}")
        except (OSError, http.client.HTTPException) as error:
            sentence = f"cannot reach the agent at {self._netloc}: {error}"
            raise NotReachableError(sentence) from None
        return response

    def _exit_code(self) -> int:
        waited = agent_api.OneContainer(container_id=self._container)
        call = Call(type=CallType.WAIT_CONTAINER, wait_container=waited)
        answer = codec.decode(agent_api.Response, self._post(call, _JSON).read())
        status = answer.wait_container.exit_status if answer.wait_container else None
        if status is None:
            message = answer.wait_container.message if answer.wait_container else None
            raise CommandError(f"how the command ended is not known: {message or 'no reason'}")
        return os.WTERMSIG(status) + 128 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _copy(output: http.client.HTTPResponse) -> None:
    reader = recordio.Reader()
    while chunk := output.read1(_CHUNK_BYTES):
        for record in reader.feed(chunk):
            data = msgspec.json.decode(record, type=ProcessIO).data
            if data is not None and data.data:
                _write(_FILES.get(data.type, 1), data.data)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _typed(data: bytes) -> ProcessIO:
    return ProcessIO(
        type=agent_api.IOType.DATA, data=agent_api.Data(type=DataType.STDIN, data=data)
    )


def _resized(size: Size) -> ProcessIO:
    window = WindowSize(rows=size.rows, columns=size.columns)
    control = agent_api.Control(
        type=agent_api.ControlType.TTY_INFO, tty_info=TTYInfo(window_size=window)
    )
    return ProcessIO(type=agent_api.IOType.CONTROL, control=control)


def _record(attached: agent_api.AttachContainerInput) -> bytes:
    call = Call(type=CallType.ATTACH_CONTAINER_INPUT, attach_container_input=attached)
    return recordio.encode(codec.encode(call))


def _wire(id_: ContainerID) -> WireID:
    return WireID(value=id_.value, parent=_wire(id_.parent) if id_.parent is not None else None)
