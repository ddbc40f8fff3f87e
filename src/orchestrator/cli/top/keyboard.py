"""Keys as they are pressed: the terminal is told not to wait for whole lines, and told back."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 1024


@contextmanager
def keys(tell: Callable[[str], None], ended: Callable[[], None]) -> Iterator[None]:
    """Tell every character; ``ended`` when there is no terminal any more. Needs a running loop."""
    if not sys.stdin.isatty():
        yield
        return
    number, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read() -> None:
        try:
            data = os.read(number, _CHUNK_BYTES)
        except OSError:  # the terminal has hung up
            data = b""
        if not data:
            loop.remove_reader(number)
            ended()
        for char in decoder.decode(data):
            tell(char)

    before = termios.tcgetattr(number)
    tty.setcbreak(number, termios.TCSANOW)
    loop.add_reader(number, read)
    try:
        yield
    finally:
        loop.remove_reader(number)
        with suppress(termios.error):  # it has hung up
            termios.tcsetattr(number, termios.TCSAFLUSH, before)
