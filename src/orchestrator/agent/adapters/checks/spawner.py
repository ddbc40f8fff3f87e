"""``python -m orchestrator.agent.adapters.checks.spawner``: runs commands for the agent.

A fork costs the more the larger its process is, and children need somebody who waits for them; so
the agent leaves both to this small process. Requests come on standard input, answers go to standard
output, a JSON object a line. Every command runs in a session of its own; what is left of that when
its first process has ended is ended too. When standard input ends, the agent is gone: everything
here ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import selectors
import signal
import socket
import subprocess
import sys
from typing import NamedTuple, TypeAlias


class Run(NamedTuple):
    """Run a command. ``number`` names it from now on; ``executable``: if it is not argv[0].

    What it notes the pid of in ``pid_file`` is ended with it, and the file removed.
    """

    number: int
    argv: list[str]
    env: dict[str, str]
    directory: str
    user: str | None = None
    executable: str | None = None
    pid_file: str | None = None


class Cancel(NamedTuple):
    """End it at once; there is an answer all the same, unless it came before."""

    number: int


class Ran(NamedTuple):
    """It ended: one of ``code``, ``signal`` and ``problem`` (why it did not begin) is set."""

    number: int
    code: int | None = None
    signal: int | None = None
    problem: str | None = None


Message: TypeAlias = Run | Cancel | Ran
_TYPES: dict[str, type[Message]] = {kind.__name__: kind for kind in (Run, Cancel, Ran)}


def encode(message: Message) -> bytes:
    """Write one message as one line."""
    fields = {"type": type(message).__name__, **message._asdict()}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read one line. Both ends are ours, so a line that is none is an error in the program."""
    fields = json.loads(line)
    return _TYPES[fields.pop("type")](**fields)


class Spawner:
    """The commands that run, by pid and by number."""

    def __init__(self) -> None:
        self._running: dict[int, Run] = {}  # by pid
        self._pids: dict[int, int] = {}  # by number
        self._unread = b""

    def serve(self) -> None:
        """Until standard input ends."""
        wakeup, woken = socket.socketpair()
        for end in (wakeup, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        selector = selectors.DefaultSelector()
        selector.register(wakeup, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        is_wanted = True
        while is_wanted:
            for key, _ in selector.select():
                if key.fileobj is wakeup:
                    wakeup.recv(4096)
                    self._reap()
                else:
                    is_wanted = self._read()
        for pid in list(self._running):
            self._end(pid)

    def _read(self) -> bool:
        data = os.read(sys.stdin.fileno(), 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            match decode(line):
                case Run() as run:
                    self._run(run)
                case Cancel(number) if number in self._pids:
                    self._end(self._pids[number])
                case _:
                    pass  # it has ended in between
        return bool(data)

    def _run(self, run: Run) -> None:
        _forget(run.pid_file)  # what was noted there before is somebody else's
        try:
            pid = _spawn(run)
        except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            _tell(Ran(run.number, problem=getattr(error, "strerror", None) or str(error)))
        else:
            self._pids[run.number] = pid
            self._running[pid] = run

    def _reap(self) -> None:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, flags)) is not None:
                _kill_group(ended.si_pid)  # while its pid cannot be anybody else's
                _, status = os.waitpid(ended.si_pid, 0)
                run = self._running.pop(ended.si_pid)
                del self._pids[run.number]
                _forget(run.pid_file)
                code = os.waitstatus_to_exitcode(status)
                _tell(Ran(run.number, code=code) if code >= 0 else Ran(run.number, signal=-code))

    def _end(self, pid: int) -> None:
        inner = _noted(self._running[pid].pid_file)
        if inner is not None:
            _kill_group(inner)
        _kill_group(pid)


def _spawn(run: Run) -> int:
    process = subprocess.Popen(
        run.argv,
        executable=run.executable,
        cwd=run.directory,
        env=run.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **_identity(run.user),  # type: ignore[call-overload]
    )
    process.returncode = 0  # it is waited for in _reap; Popen shall not try
    return int(process.pid)


def _identity(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise LookupError(f"there is no user '{user}' on this machine") from None
    if account.pw_uid == os.geteuid():
        return {}
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _noted(pid_file: str | None) -> int | None:
    if pid_file is None:
        return None
    with contextlib.suppress(OSError, ValueError), open(pid_file) as file:  # noqa: PTH123
        pid = int(file.read())
        return pid if pid > 1 else None
    return None


def _forget(pid_file: str | None) -> None:
    if pid_file is not None:
        with contextlib.suppress(OSError):
            os.unlink(pid_file)  # noqa: PTH108


def _tell(message: Ran) -> None:
    line = encode(message)
    while line:
        line = line[os.write(sys.stdout.fileno(), line) :]


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        Spawner().serve()
