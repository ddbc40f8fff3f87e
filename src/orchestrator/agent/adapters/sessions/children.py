"""What keepers and consoles have in common as parents of a command. Standard library only."""

from __future__ import annotations

import fcntl
import os
import pwd
import resource
import signal
import socket
import struct
import termios
from collections.abc import Iterable


def notice_signals(passed_over: Iterable[signal.Signals]) -> socket.socket:
    """A socket that can be read when a child has ended; other signals do nothing.

    Handlers, as those of a program that is started do not pass on to it, and ignoring would.
    """
    wakeup, woken = socket.socketpair()
    for end in (wakeup, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(woken.detach(), warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *passed_over):
        signal.signal(number, lambda _number, _frame: None)
    return wakeup


def identity(user: str | None, terminal: int | None) -> dict[str, object]:
    """What Popen has to be told to run something as a user, who then owns the terminal.

    Raises LookupError, OSError.
    """
    if not user:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise LookupError(f"there is no user '{user}' on this machine") from None
    if terminal is not None:
        os.fchown(terminal, account.pw_uid, -1)
    if account.pw_uid == os.geteuid():
        return {}
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def take_terminal() -> None:
    """In a child: standard input becomes the controlling terminal of its new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def set_size(terminal: int, rows: int, columns: int) -> None:
    """Tell a terminal and who runs in it how large it is. Raises struct.error, OSError."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def end_like(status: int) -> int:
    """End as a command did, of which wait(2) says this: by the same signal, or with its status."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = os.WTERMSIG(status)
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
