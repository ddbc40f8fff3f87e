"""Starting processes, and finding all that belongs to a container among those of the machine.

A container's processes are its leader's session, every descendant, and whatever carries the
container's marker in its environment after it became an orphan (a daemon that left session and
parent behind on purpose).
"""

from __future__ import annotations

import errno
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from orchestrator.agent.adapters.supervisor.wire import MARKER, Launch

STDOUT, STDERR = "stdout", "stderr"
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
_OUTPUT_MODE = 0o644
_TO_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, and programs must not


class Process(NamedTuple):
    """A line of /proc/PID/stat; ``start`` in clock ticks since boot."""

    pid: int
    state: str
    parent: int
    session: int
    start: int


class Leader(NamedTuple):
    """The first process of a container, alive or not."""

    container_id: str
    pid: int


def spawn(launch: Launch, scope: str) -> int:
    """Start the command and give its pid. Raises OSError, ValueError or LookupError.

    Its environment carries its container's mark, which names ``scope`` too: the supervisor's
    directory, so that no supervisor takes another's processes for its own.
    """
    env = {**launch.env, MARKER: f"{launch.container_id}@{scope}"}
    account = _account(launch.user)
    here = os.getcwd()  # noqa: PTH109
    os.chdir(launch.directory)  # where a process begins is all that posix_spawn cannot be told
    try:
        _check_place(launch.directory)
        return _spawn(launch, env) if account is None else _spawn_as(account, launch, env)
    finally:
        os.chdir(here)


def _check_place(directory: str) -> None:
    """Whoever owns a directory above may have put a link in the way. Raises OSError.

    From here on the directory is the current one, and no path leads to it any more.
    """
    if os.getcwd() != directory:  # noqa: PTH109
        raise OSError(errno.ELOOP, "A link leads from there to somewhere else", directory)


def _spawn(launch: Launch, env: dict[str, str]) -> int:
    program = _find(launch.executable or launch.argv[0], env.get("PATH", os.defpath))
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    for fd, name in ((1, STDOUT), (2, STDERR)):
        actions.append((os.POSIX_SPAWN_OPEN, fd, name, _APPEND, _OUTPUT_MODE))
    try:
        return os.posix_spawn(
            program, launch.argv, env, file_actions=actions, setsid=True, setsigdef=_TO_DEFAULT
        )
    except OSError as error:
        raise OSError(error.errno, error.strerror, launch.executable or launch.argv[0]) from None


def _find(program: str, path: str) -> str:
    """Where the program is, as exec would find it with the task's own PATH."""
    if "/" in program:
        return program
    places = (f"{directory or '.'}/{program}" for directory in path.split(":"))
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return found


def _spawn_as(account: pwd.struct_passwd, launch: Launch, env: dict[str, str]) -> int:
    """The slower way: posix_spawn cannot become another user."""
    out, err = _append_to(STDOUT), _append_to(STDERR)
    try:
        process = subprocess.Popen(
            launch.argv,
            executable=launch.executable,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
        )
    finally:
        os.close(out)
        os.close(err)
    process.returncode = 0  # it is waited for by the sweep; Popen shall not try
    return int(process.pid)


def _append_to(name: str) -> int:
    return os.open(name, _APPEND | os.O_CLOEXEC, _OUTPUT_MODE)


def _account(user: str | None) -> pwd.struct_passwd | None:
    """The user to become; None to stay who we are."""
    if user is None:
        return None
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise LookupError(f"there is no user '{user}' on this machine") from None
    return None if account.pw_uid == os.geteuid() else account


def look_up(pid: int) -> Process | None:
    """Read the process' stat line, or None when there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        data = os.read(fd, 1024)
    except OSError:  # it ended in between
        return None
    finally:
        os.close(fd)
    fields = data[data.rindex(b")") + 2 :].split(None, 20)
    return Process(
        pid, chr(fields[0][0]), parent=int(fields[1]), session=int(fields[3]), start=int(fields[19])
    )


def parent_of(pid: int) -> int | None:
    """The pid of its parent, or None when there is no such process."""
    process = look_up(pid)
    return process.parent if process else None


def is_deaf_to(pid: int, number: int) -> bool:
    """Whether it is the first of a pid namespace and leaves the signal to the kernel's default."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return False
    fields = dict(line.split(b":", 1) for line in lines if b":" in line)
    if fields.get(b"NSpid", b"").split()[1:][-1:] != [b"1"]:
        return False
    handled = int(fields[b"SigCgt"], 16) | int(fields[b"SigIgn"], 16)
    return not handled >> (number - 1) & 1


def scan() -> list[Process]:
    """Every process of the machine that /proc shows."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return [process for pid in pids if (process := look_up(pid))]


def marked_as(pid: int, scope: str) -> str | None:
    """Which container of the scope the process was started for, by its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read().split(b"\0")
    except OSError:
        return None
    prefix, suffix = f"{MARKER}=".encode(), f"@{scope}".encode()
    marks = (v for v in variables if v.startswith(prefix) and v.endswith(suffix))
    found = next((v.removeprefix(prefix).removesuffix(suffix) for v in marks), None)
    return None if found is None else found.decode("utf-8", "replace")


def members(
    leaders: Iterable[Leader], processes: list[Process], reapers: frozenset[int], scope: str
) -> dict[str, list[Process]]:
    """The living processes of each container of the scope, its leader included.

    ``reapers`` are the pids that orphans are handed to; only orphans are asked for their mark.
    """
    owner = {leader.pid: leader.container_id for leader in leaders}
    found: dict[str, list[Process]] = {container_id: [] for container_id in owner.values()}
    by_pid = {process.pid: process for process in processes}
    known: dict[int, str | None] = {}  # pid -> container, as far as it is settled

    def mark_of_orphan(process: Process) -> str | None:
        return marked_as(process.pid, scope) if process.parent in reapers else None

    for process in processes:
        container_id = _container_of(process, owner, by_pid, known, mark_of_orphan)
        if container_id in found and process.state not in "ZX":
            found[container_id].append(process)
    return found


def _container_of(
    process: Process,
    owner: Mapping[int, str],
    by_pid: Mapping[int, Process],
    known: dict[int, str | None],
    mark_of_orphan: Callable[[Process], str | None],
) -> str | None:
    """By session or leader, then an orphan's mark, then through the parents; settles all passed."""
    passed: list[int] = []
    at: Process | None = process
    result: str | None = None
    while at is not None:
        if at.pid in known:
            result = known[at.pid]
            break
        known[at.pid] = None  # ends the walk should the parents form a circle meanwhile
        passed.append(at.pid)
        leader = at.session if at.session in owner else at.pid  # which may not have its own yet
        if leader in owner:
            result = owner[leader]
            break
        if (result := mark_of_orphan(at)) is not None:
            break
        at = by_pid.get(at.parent)
    known.update(dict.fromkeys(passed, result))
    return result
