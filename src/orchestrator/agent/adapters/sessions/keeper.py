"""``python -m orchestrator.agent.adapters.sessions.keeper FD``: runs one command for the agent.

FD is one end of a socket. The request comes over it, then signals for the command; what became of
the command goes back, a JSON object a line. The command gets this program's own standard streams,
which the agent has the other ends of; a terminal becomes its controlling terminal. When the command
ends, whatever it left running is ended too; when the socket ends, the agent is gone or wants no
more, and everything is ended. Orphans come here, as to an init, so nothing gets away.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import NamedTuple, TypeAlias

from orchestrator.agent.adapters.sessions import children
from orchestrator.agent.adapters.supervisor import cgroups, processes

PR_SET_CHILD_SUBREAPER = 36
MAX_LINE_BYTES = 4 * 1024 * 1024
ENDING_S = 10.0  # what survives SIGKILL for so long is left behind
_PAUSE_S = 0.01
_PASSED_OVER = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


class Run(NamedTuple):
    """Run this command; ``executable`` if it is not argv[0].

    ``enters`` are files of cgroups that it is to be in, as in ``supervisor.wire.Launch``.
    """

    argv: list[str]
    env: dict[str, str]
    directory: str
    user: str | None = None
    executable: str | None = None
    has_terminal: bool = False
    enters: list[str] = []


class Signal(NamedTuple):
    """Send the command a signal; SIGKILL goes to all that it started."""

    number: int


class Started(NamedTuple):
    """The command runs."""

    pid: int


class Ended(NamedTuple):
    """Nothing of the command runs; one of these is set, ``problem`` if it never did."""

    code: int | None = None
    signal: int | None = None
    problem: str | None = None


Line: TypeAlias = Run | Signal | Started | Ended
_TYPES: dict[str, type[Line]] = {kind.__name__: kind for kind in (Run, Signal, Started, Ended)}


def encode(line: Line) -> bytes:
    """Write one line."""
    fields = {"type": type(line).__name__, **line._asdict()}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes) -> Line:
    """Read one line. Both ends are ours, so a line that is none is an error in the program."""
    fields = json.loads(data)
    return _TYPES[fields.pop("type")](**fields)


def main() -> int:
    """Until the command has ended."""
    agent = socket.socket(fileno=int(sys.argv[1]))
    agent.set_inheritable(False)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wakeup = children.notice_signals(_PASSED_OVER)
    with agent.makefile("rb") as lines:
        line = lines.readline(MAX_LINE_BYTES)
    if not line:
        return 0  # the agent wants no more
    run = decode(line)
    assert isinstance(run, Run)
    try:
        with cgroups.Home().away(run.enters):
            pid = _spawn(run)
    except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        _tell(agent, Ended(problem=getattr(error, "strerror", None) or str(error)))
        return 0
    _let_go_of_streams()
    _tell(agent, Started(pid))
    status = _watch(agent, wakeup, pid)
    _end_all()
    if status is not None:
        _tell(agent, _as_ended(status))
    return 0


def _spawn(run: Run) -> int:
    process = subprocess.Popen(
        run.argv,
        executable=run.executable,
        cwd=run.directory,
        env=run.env,
        start_new_session=True,
        preexec_fn=children.take_terminal if run.has_terminal else None,  # noqa: PLW1509 (no threads here)
        **children.identity(run.user, 0 if run.has_terminal else None),  # type: ignore[call-overload]
    )
    process.returncode = 0  # it is waited for below; Popen shall not try
    return int(process.pid)


def _let_go_of_streams() -> None:
    """So that they end when the command's do."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)


def _watch(agent: socket.socket, wakeup: socket.socket, pid: int) -> int | None:
    """Until the command ends, which gives its status, or the agent is gone."""
    unread = b""
    with selectors.DefaultSelector() as selector:
        selector.register(wakeup, selectors.EVENT_READ)
        selector.register(agent, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if agent in ready:
                if not (data := _receive(agent)):
                    return None
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    _obey(decode(line), pid)
            if wakeup in ready:
                wakeup.recv(4096)
                if (status := _reap(pid)) is not None:
                    return status


def _receive(agent: socket.socket) -> bytes:
    try:
        return agent.recv(1 << 16)
    except OSError:
        return b""


def _obey(line: Line, pid: int) -> None:
    if not isinstance(line, Signal):
        raise TypeError(f"{type(line).__name__} is not expected here")
    if line.number == signal.SIGKILL:
        _kill_all()
    else:
        _send(pid, line.number)


def _reap(leader: int) -> int | None:
    """Wait for all that have ended; the leader's status if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == leader:
                found = status
    return found


def _end_all() -> None:
    """Until nothing lives below this process."""
    deadline = time.monotonic() + ENDING_S
    while _kill_all() and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        _reap(0)


def _kill_all() -> bool:
    """Kill all that live below this process; whether there was anything.

    They are stopped first: one that goes on might start another and die before that is seen, and
    in a container its orphans go to the container's first process, out of sight.
    """
    stopped: set[int] = set()
    while news := set(_descendants()) - stopped:
        for pid in news:
            _send(pid, signal.SIGSTOP)
        stopped |= news
    for pid in stopped:
        _send(pid, signal.SIGKILL)
    return bool(stopped)


def _descendants() -> list[int]:
    """All that live below this process."""
    found = {os.getpid()}
    alive = [process for process in processes.scan() if process.state not in "ZX"]
    while news := [p.pid for p in alive if p.parent in found and p.pid not in found]:
        found.update(news)
    return sorted(found - {os.getpid()})


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _as_ended(status: int) -> Ended:
    if os.WIFSIGNALED(status):
        return Ended(signal=os.WTERMSIG(status))
    return Ended(code=os.WEXITSTATUS(status))


def _tell(agent: socket.socket, line: Line) -> None:
    with contextlib.suppress(OSError):  # the agent is gone
        agent.sendall(encode(line))


if __name__ == "__main__":
    sys.exit(main())
