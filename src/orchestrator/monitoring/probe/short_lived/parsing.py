"""What the proc connector says; pure. Form: linux/connector.h and linux/cn_proc.h."""

from __future__ import annotations

import os
import struct
from typing import Final, NamedTuple

from orchestrator.monitoring.probe.kernel.messages import HEADER, messages

GROUP: Final = 1
"""Of the socket: CN_IDX_PROC."""
_CONNECTOR = struct.Struct("=IIIIHH")  # index, value, sequence, acknowledgement, length, flags
_EVENT = struct.Struct("=IIQ")  # what, processor, nanoseconds since the machine started
_EXEC = struct.Struct("=II")  # pid, thread group
_EXIT = struct.Struct("=IIII")  # pid, thread group, code, signal
_LISTEN = 1
_DONE = 3
_WHAT_EXEC, _WHAT_EXIT = 0x2, 0x8000_0000


class Began(NamedTuple):
    """A process runs another program from now on."""

    pid: int


class Ended(NamedTuple):
    """A process has ended, with the code that wait(2) gives."""

    pid: int
    status: int


def listen() -> bytes:
    """Asks for all that follows."""
    said = struct.pack("=I", _LISTEN)
    body = _CONNECTOR.pack(GROUP, 1, 0, 0, len(said), 0) + said
    return HEADER.pack(HEADER.size + len(body), _DONE, 0, 0, os.getpid()) + body


def events(data: bytes) -> list[Began | Ended]:
    """What a datagram says of whole processes; threads and all else are left out."""
    found: list[Began | Ended] = []
    for message in messages(data):
        at = message.begin + _CONNECTOR.size
        if at + _EVENT.size > message.end:
            continue
        what, _, _ = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        if what == _WHAT_EXEC and at + _EXEC.size <= message.end:
            pid, group = _EXEC.unpack_from(data, at)
            if pid == group:
                found.append(Began(pid))
        elif what == _WHAT_EXIT and at + _EXIT.size <= message.end:
            pid, group, status, _ = _EXIT.unpack_from(data, at)
            if pid == group:
                found.append(Ended(pid, status))
    return found


def exit_code(status: int) -> int:
    """As shells say it: above 128 for a signal."""
    return (
        os.waitstatus_to_exitcode(status & 0xFFFF) if status & 0x7F == 0 else 128 + (status & 0x7F)
    )
