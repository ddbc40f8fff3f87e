"""The supervisor's end of its connection to the agent: lines in, lines out, never blocking.

There is one agent. When one connects, it replaces what is left of its predecessor, which may be
dead without the connection showing it. What is told while no agent is there is told to nobody: the
next one asks for the list.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from collections.abc import Callable

from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.adapters.supervisor.timing import now
from orchestrator.agent.adapters.supervisor.wire import MAX_LINE_BYTES, WireError

MAX_BACKLOG_BYTES = 64 * 1024 * 1024
SENT_AT_ONCE_BYTES = 1024


class Peer:
    """The connected agent."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.unread = bytearray()
        self.unsent = bytearray()
        self.list_awaits: set[str] | None = None  # who has to be started before a list is told

    def receive(self) -> list[bytes]:
        """The complete lines that have come. Raises OSError when the agent is gone."""
        with contextlib.suppress(BlockingIOError):
            data = self.connection.recv(1 << 18)
            if not data:
                raise ConnectionResetError("the agent closed the connection")
            self.unread += data
        *lines, rest = self.unread.split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise ConnectionAbortedError("a request is too long")
        self.unread = bytearray(rest)
        return [bytes(line) for line in lines]

    def flush(self) -> None:
        """Send what the socket takes. Raises OSError when the agent is gone."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.connection.send(self.unsent)]
        if len(self.unsent) > MAX_BACKLOG_BYTES:
            raise ConnectionAbortedError("the agent does not read")


class Link:
    """To the agent that is connected, if one is; ``handle`` takes what it says.

    ``handle`` may raise WireError; whatever goes wrong ends the connection and nothing else.
    """

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        handle: Callable[[wire.Request | wire.Event], None],
    ) -> None:
        self.peer: Peer | None = None
        self.left_at = now()  # when the last agent went
        self._listener = listener
        self._selector = selector
        self._handle = handle

    def accept(self) -> bool:
        """Take the connection that waits, in place of the one there was; tell if that worked."""
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # it went away again, or there are no descriptors left
            _log(f"a connection could not be accepted: {error}")
            return False
        connection.setblocking(False)
        self._drop()
        self.peer = Peer(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._on_ready)
        return True

    def tell(self, event: wire.Event) -> None:
        """Say it soon: many events cost hardly more to send, and to take in, than one."""
        if (peer := self.peer) is None:
            return
        peer.unsent += wire.encode(event)
        if len(peer.unsent) >= SENT_AT_ONCE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Say now what is still to be said."""
        if (peer := self.peer) is None or not peer.unsent:
            return
        try:
            peer.flush()
        except OSError as error:
            self._drop_for(error)
        else:
            self._watch_writability()

    def _on_ready(self) -> None:
        if (peer := self.peer) is None:
            return
        try:
            peer.flush()
            for line in peer.receive():
                self._handle(wire.decode(line))
        except (OSError, WireError) as error:
            self._drop_for(error)
        else:
            self._watch_writability()

    def _watch_writability(self) -> None:
        if self.peer is not None:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.peer.unsent else 0)
            if self._selector.get_key(self.peer.connection).events != wanted:
                self._selector.modify(self.peer.connection, wanted, self._on_ready)

    def _drop_for(self, error: Exception) -> None:
        _log(f"dropping the agent's connection: {error}")
        self._drop()

    def _drop(self) -> None:
        if self.peer is not None:
            self._selector.unregister(self.peer.connection)
            self.peer.connection.close()
            self.peer = None
            self.left_at = now()


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")
    sys.stderr.flush()
