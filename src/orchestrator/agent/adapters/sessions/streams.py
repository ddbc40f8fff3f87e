"""What a command has for standard streams: three pipes, or a pseudo terminal."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence

from orchestrator.agent.adapters.sessions import children
from orchestrator.agent.adapters.sessions.running import SessionError
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import TTYInfo, WindowSize


class Streams:
    """File descriptors: ours, and those that the command gets as its standard streams."""

    def __init__(
        self, ours: int, outputs: dict[DataType, int], theirs: Sequence[int], *, has_terminal: bool
    ) -> None:
        self.input = ours
        self.outputs = outputs
        self.theirs = theirs
        self.has_terminal = has_terminal

    def close_theirs(self) -> None:
        """The keeper has them now."""
        _close(self.theirs)
        self.theirs = ()

    def close_all(self) -> None:
        """Nothing comes of it: give back what is open."""
        self.close_theirs()
        _close((self.input, *self.outputs.values()))


def _close(descriptors: Iterable[int]) -> None:
    for fd in set(descriptors):
        os.close(fd)


def pipes() -> Streams:
    """Three pipes."""
    (stdin, in_), (out, stdout), (err, stderr) = (os.pipe() for _ in range(3))
    outputs = {DataType.STDOUT: out, DataType.STDERR: err}
    return Streams(in_, outputs, (stdin, stdout, stderr), has_terminal=False)


def terminal(tty: TTYInfo) -> Streams:
    """A pseudo terminal. Raises SessionError for a size that cannot be."""
    ours, theirs = os.openpty()
    streams = Streams(ours, {DataType.STDOUT: ours}, (theirs,) * 3, has_terminal=True)
    try:
        if tty.window_size is not None:
            set_size(ours, tty.window_size)
    except SessionError:
        streams.close_all()
        raise
    return streams


def set_size(of: int, size: WindowSize) -> None:
    """Tell a terminal and who runs in it how large it is. Raises SessionError."""
    try:
        children.set_size(of, size.rows, size.columns)
    except struct.error:
        raise SessionError(f"a terminal cannot have {size.rows} x {size.columns}") from None
