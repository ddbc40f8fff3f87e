"""Network namespaces that outlive the process that made them.

A namespace lasts as long as something holds it: here a bind mount of /proc/thread-self/ns/net over
an empty file, as `ip netns` does it. Namespaces belong to threads, so the work is done in a thread
that is started for it and never used again: the agent itself stays where it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.agent.adapters.network import system
from orchestrator.agent.adapters.network.rtnetlink import RouteSocket

T = TypeVar("T")
LOOPBACK_INDEX = 1  # of "lo", in every namespace
_MAX_LAYERS = 16


def make(path: Path) -> None:
    """Make a namespace, loopback up, that ``path`` names until ``remove``. Raises OSError."""
    path.touch()
    _in_a_thread(lambda: _make(path))


def _make(path: Path) -> None:
    system.unshare_network()
    with RouteSocket() as routes:
        routes.set_up(LOOPBACK_INDEX)
    system.bind("/proc/thread-self/ns/net", path)


def is_namespace(path: Path) -> bool:
    """Whether a network namespace is there; after a reboot only the empty file is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return fcntl.ioctl(descriptor, system.NS_GET_NSTYPE) == system.CLONE_NEWNET
    except OSError:
        return False
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Let go of a namespace; it ends with its last process. Raises OSError."""
    for _ in range(_MAX_LAYERS):
        try:
            system.unmount(path)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):  # not mounted, not there
                raise
            break
    path.unlink(missing_ok=True)


def inside(path: Path, work: Callable[[], T]) -> T:
    """Do some short work in a namespace and give its result. Raises OSError, and what it raises."""

    def enter_and_work() -> T:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            system.enter_network(descriptor)
        finally:
            os.close(descriptor)
        return work()

    return _in_a_thread(enter_and_work)


def _in_a_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=run, name="network namespace")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]
