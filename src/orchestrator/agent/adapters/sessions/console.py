"""A program that runs a task in a terminal.

It stands between the supervisor and a command that wants a terminal: it holds the other end, writes
all that comes out of it to its own standard output, and lets others in by a socket. So the terminal
lives as long as its task, whatever becomes of the agent. The command's end is this program's own,
with the same exit status. Kills are the command's business; what comes here is passed over, as the
supervisor signals every process of a task.

Those who connect get what comes out from then on, as it is, and send frames (``frame``). One that
reads too slowly is cut off: no task waits for whoever looks on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import orchestrator
from orchestrator.agent.adapters.sessions import children
from orchestrator.agent.adapters.supervisor.wire import Launch, socket_path

_PROGRAM = (  # whatever the task's environment says of Python
    f"import sys; sys.path.insert(0, {os.path.dirname(os.path.dirname(orchestrator.__file__))!r});"  # noqa: PTH120
    f" from {__name__} import main; sys.exit(main())"
)
DATA, SIZE = 1, 2
HEADER = struct.Struct(">BI")
ROWS_COLUMNS = struct.Struct(">HH")
MAX_CLIENTS = 16
MAX_FRAME_BYTES = 1024 * 1024
MAX_UNREAD_BYTES = 1024 * 1024  # by a client
MAX_UNTAKEN_BYTES = 64 * 1024  # by the command, of input
_CHUNK_BYTES = 64 * 1024
_PASSED_OVER = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


def frame(kind: int, body: bytes) -> bytes:
    """DATA: input; SIZE: rows and columns, two bytes each."""
    return HEADER.pack(kind, len(body)) + body


def wrapped(launch: Launch, directory: str, rows: int, columns: int) -> Launch:
    """The same command in a terminal, whose socket has the container's name in ``directory``."""
    words = [directory, launch.container_id, str(rows), str(columns), launch.user or ""]
    argv = [sys.executable, "-I", "-c", _PROGRAM, *words, launch.executable or "", *launch.argv]
    env = {"TERM": "xterm", **launch.env}
    return launch._replace(argv=argv, env=env, user=None, executable=None)


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.unread = bytearray()
        self.unsent = bytearray()

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What has come whole. Raises OSError when it is gone, ValueError for what is no frame."""
        data = self.connection.recv(_CHUNK_BYTES)
        if not data:
            raise OSError(errno.ECONNRESET, "it is gone")
        self.unread += data
        while len(self.unread) >= HEADER.size:
            kind, length = HEADER.unpack_from(self.unread)
            if length > MAX_FRAME_BYTES:
                raise ValueError("a frame is too long")
            end = HEADER.size + length
            if len(self.unread) < end:
                return
            body = bytes(self.unread[HEADER.size : end])
            del self.unread[:end]
            yield kind, body

    def flush(self) -> None:
        """Send what it takes. Raises OSError when it is gone, or too far behind."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.connection.send(self.unsent)]
        if len(self.unsent) > MAX_UNREAD_BYTES:
            raise OSError(errno.ENOBUFS, "it does not read")


class _Arguments(NamedTuple):
    directory: str
    name: str
    rows: int
    columns: int
    user: str
    executable: str
    argv: list[str]


class Console:
    """One terminal, its command and its clients. ``pid`` None: the command is not our child."""

    def __init__(
        self, terminal: int, listener: socket.socket, wakeup: socket.socket, pid: int | None
    ) -> None:
        self._terminal = terminal
        self._listener = listener
        self._wakeup = wakeup
        self._pid = pid
        self._input = bytearray()
        self._clients: dict[int, _Client] = {}  # by descriptor
        self._is_open = True  # somebody has the terminal open
        self._status: int | None = None
        os.set_blocking(terminal, False)

    def run(self) -> int:
        """Until the command has ended and all its output is written; its status.

        Of a command that is somebody else's child, until nobody has the terminal open.
        """
        self._reap()
        while self._is_open if self._pid is None else self._status is None:
            waiting = select.poll()
            for fd, events in self._interests().items():
                waiting.register(fd, events)
            for fd, events in waiting.poll():
                self._on_event(fd, events)
        while self._is_open and self._read_output():
            pass
        return self._status or 0

    def _interests(self) -> dict[int, int]:
        """Of each descriptor. Nothing is read of clients while the command takes no input."""
        found = {self._listener.fileno(): select.POLLIN, self._wakeup.fileno(): select.POLLIN}
        if self._is_open:
            found[self._terminal] = select.POLLIN | (select.POLLOUT if self._input else 0)
        reading = 0 if len(self._input) > MAX_UNTAKEN_BYTES else select.POLLIN
        for fd, client in self._clients.items():
            found[fd] = reading | (select.POLLOUT if client.unsent else 0)
        return found

    def _on_event(self, fd: int, events: int) -> None:
        if fd == self._wakeup.fileno():
            self._wakeup.recv(4096)
            self._reap()
        elif fd == self._listener.fileno():
            self._accept()
        elif fd == self._terminal:
            if events & select.POLLOUT:
                self._write_input()
            if events & ~select.POLLOUT:
                self._read_output()
        elif (client := self._clients.get(fd)) is not None:
            self._on_client(client, events)

    def _reap(self) -> None:
        """Orphans are the supervisor's: only the command is waited for here."""
        if self._pid is None:
            return
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == self._pid:
            self._status = status

    # --- clients -------------------------------------------------------------------------------

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            if len(self._clients) >= MAX_CLIENTS:
                connection.close()
                return
            connection.setblocking(False)
            self._clients[connection.fileno()] = _Client(connection)

    def _on_client(self, client: _Client, events: int) -> None:
        try:
            if events & select.POLLOUT:
                client.flush()
            if events & select.POLLIN:
                for kind, body in client.frames():
                    self._obey(kind, body)
            elif events & (select.POLLHUP | select.POLLERR):
                self._drop(client)
        except (OSError, ValueError, struct.error):
            self._drop(client)

    def _obey(self, kind: int, body: bytes) -> None:
        if kind == DATA:
            self._input += body
            self._write_input()
        elif kind == SIZE:
            children.set_size(self._terminal, *ROWS_COLUMNS.unpack(body))
        else:
            raise ValueError("there is no such frame")

    def _drop(self, client: _Client) -> None:
        del self._clients[client.connection.fileno()]
        client.connection.close()

    # --- the terminal --------------------------------------------------------------------------

    def _write_input(self) -> None:
        try:
            while self._input:
                del self._input[: os.write(self._terminal, self._input)]
        except BlockingIOError:
            pass
        except OSError:  # nobody has the terminal open
            self._input.clear()

    def _read_output(self) -> bool:
        """Pass on a piece, if there is one."""
        try:
            data = os.read(self._terminal, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:  # nobody has it open, so nobody will have it again
            self._is_open = False
            return False
        with contextlib.suppress(OSError):  # a full disk is no reason to end a task
            _write_all(1, data)
        for client in list(self._clients.values()):
            client.unsent += data
            try:
                client.flush()
            except OSError:
                self._drop(client)
        return True


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


# --- the program ---------------------------------------------------------------------------------


def main() -> int:
    """Run the command, and end as it ends."""
    wakeup = children.notice_signals(_PASSED_OVER)
    asked = _arguments()
    terminal, theirs = os.openpty()
    children.set_size(terminal, asked.rows, asked.columns)
    listener = listen(asked.directory, asked.name)
    try:
        pid = _spawn(asked, theirs)
    except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        _write_all(2, f"The command cannot be started: {reason}\n".encode())
        return 127
    finally:
        os.close(theirs)
    status = Console(terminal, listener, wakeup, pid).run()
    with contextlib.suppress(OSError):
        os.unlink(f"{asked.directory}/{asked.name}")  # noqa: PTH108
    return children.end_like(status)


def _arguments() -> _Arguments:
    directory, name, rows, columns, user, executable, *argv = sys.argv[1:]
    return _Arguments(directory, name, int(rows), int(columns), user, executable, argv)


def listen(directory: str, name: str) -> socket.socket:
    """A socket that clients find in the directory. Raises OSError."""
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o077)
    listener.bind(socket_path(directory_fd, name))
    os.umask(0o022)
    listener.listen(MAX_CLIENTS)
    listener.setblocking(False)
    os.close(directory_fd)
    return listener


def _spawn(asked: _Arguments, terminal: int) -> int:
    process = subprocess.Popen(
        asked.argv,
        executable=asked.executable or None,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=children.take_terminal,  # noqa: PLW1509 (there are no threads here)
        **children.identity(asked.user, terminal),  # type: ignore[call-overload]
    )
    process.returncode = 0  # it is waited for above; Popen shall not try
    return int(process.pid)
