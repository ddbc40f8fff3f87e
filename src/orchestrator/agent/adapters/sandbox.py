"""The directory in which a task runs, laid out as Mesos lays it out.

``WORK_DIR/slaves/AGENT/frameworks/FRAMEWORK/executors/EXECUTOR/runs/CONTAINER``, where
``runs/latest`` points to the newest container; file browsers and log shippers know these paths.
Members of a task group have theirs below, in ``containers/CONTAINER`` of their executor's run.
What the task's URIs name is put in by ``fetcher``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from orchestrator.agent.adapters import accounts
from orchestrator.agent.core.task import Container

_MODE = 0o750
MEMBERS = "containers"  # of a task group, below their executor's run
STREAMS = ("stdout", "stderr")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SandboxError(Exception):
    """The sandbox cannot be prepared; says why, for the task's status."""


def path_of(work_dir: Path, container: Container) -> Path:
    """Where the container's sandbox is, whether it exists or not."""
    run = run_of(work_dir, container)
    return run / MEMBERS / _as_name(container.id) if container.parent_id else run


def run_of(work_dir: Path, container: Container) -> Path:
    """The sandbox of the container's executor, which members of a task group share."""
    names = (container.agent_id, container.framework_id, container.executor_id)
    return run_path(work_dir, *names, container.parent_id or container.id)


def run_path(
    work_dir: Path, agent_id: str, framework_id: str, executor_id: str, run_id: str
) -> Path:
    """Where a run of an executor has its sandbox. Raises SandboxError for names that cannot be."""
    names = (agent_id, framework_id, executor_id, run_id)
    agent, framework, executor, run = map(_as_name, names)
    return (
        work_dir / "slaves" / agent / "frameworks" / framework / "executors" / executor
    ) / f"runs/{run}"


def prepare(work_dir: Path, container: Container, user: str | None) -> Path:
    """Make the sandbox with its two output files, owned by ``user``. May be repeated.

    Raises SandboxError.
    """
    path, run = path_of(work_dir, container), run_of(work_dir, container)
    try:
        for directory in dict.fromkeys((run, path)):
            _make(directory)
        _point_latest_to(run, container.id)
        owner = _owner(user)
        if run != path:
            _hand_over(run, owner, ())
        _hand_over(path, owner, STREAMS)
    except OSError as error:
        raise SandboxError(f"The sandbox cannot be prepared: {error}") from None
    return path


def _as_name(text: str) -> str:
    if not text or text in (".", "..") or "/" in text or "\0" in text:
        raise SandboxError(f"{text!r} cannot be the name of a directory")
    return text


def _point_latest_to(path: Path, by: str) -> None:
    """Members of a group do it at the same time, so each makes a link of its own first."""
    fresh = path.parent / f".latest-{by}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(path.name)
    fresh.replace(path.parent / "latest")


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:  # a parent that was empty was just collected as garbage
        path.mkdir(parents=True, exist_ok=True)


def _hand_over(path: Path, owner: tuple[int, int] | None, files: Iterable[str]) -> None:
    """Nothing that a task may have made of its files, or of its executor's, is followed."""
    with contextlib.ExitStack() as stack:
        directory = os.open(path, _DIRECTORY)
        stack.callback(os.close, directory)
        if Path(f"/proc/self/fd/{directory}").readlink() != path:
            raise SandboxError(f"A link leads from {path} to somewhere else")
        os.fchmod(directory, _MODE)
        if owner is not None:
            os.fchown(directory, *owner)
        for name in files:
            fd = os.open(name, _OUTPUT, 0o644, dir_fd=directory)
            stack.callback(os.close, fd)
            if owner is not None:
                os.fchown(fd, *owner)


def _owner(user: str | None) -> tuple[int, int] | None:
    if user is None:
        return None
    try:
        account = accounts.find(user)
    except LookupError as error:
        raise SandboxError(str(error)) from None
    return None if account.uid == os.geteuid() else (account.uid, account.gid)
