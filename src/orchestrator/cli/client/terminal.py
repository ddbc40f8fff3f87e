"""The terminal that the client runs in, given over to a command elsewhere.

In raw mode every key goes to the command, Ctrl-C too, and its terminal has this one's size.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple

_CHUNK_BYTES = 16 * 1024
EXIT_SEQUENCE = b"\x10\x11"  # Ctrl-P Ctrl-Q, as Docker and Mesos have it


class Size(NamedTuple):
    """Of a terminal."""

    rows: int
    columns: int


class Terminal:
    """Standard input; raw until the context ends if that is wanted."""

    def __init__(self, *, is_wanted: bool, has_exit: bool = False) -> None:
        self.is_raw = is_wanted
        self._has_exit = has_exit and is_wanted
        self._before: list[object] | None = None

    def __enter__(self) -> Terminal:
        if self.is_raw:
            self._before = termios.tcgetattr(sys.stdin)
            tty.setraw(sys.stdin, termios.TCSANOW)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, self._before)  # type: ignore[arg-type]

    def size(self) -> Size | None:
        """How large it is, if it is one."""
        try:
            columns, rows = os.get_terminal_size(sys.stdin.fileno())
        except (OSError, ValueError):
            return None
        return Size(rows, columns)

    def on_resize(self, tell: Callable[[Size], None]) -> None:
        """Tell whenever it is made larger or smaller."""

        def resized(_number: int, _frame: object) -> None:
            if (now := self.size()) is not None:
                tell(now)

        if self.is_raw:
            signal.signal(signal.SIGWINCH, resized)

    def input(self) -> Iterator[bytes]:
        """What is typed or piped in, until its end or the exit sequence."""
        held = b""
        while chunk := os.read(sys.stdin.fileno(), _CHUNK_BYTES):
            chunk = held + chunk
            held = b""
            if self._has_exit:
                if EXIT_SEQUENCE in chunk:
                    return
                if chunk.endswith(EXIT_SEQUENCE[:1]):  # perhaps its beginning
                    chunk, held = chunk[:-1], EXIT_SEQUENCE[:1]
            if chunk:
                yield chunk
