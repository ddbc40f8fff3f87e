"""Puts a finished file into a sandbox, wherever its owner may have put links in the way.

Another task of the same group may be running in the sandbox and mean ill, so directories are opened
one below the other and never through a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path, PurePosixPath

from orchestrator.agent.adapters.accounts import Account

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_COPY_BYTES = 16 * 1024 * 1024
EXECUTABLE, ORDINARY = 0o755, 0o644


def move(
    file: Path, sandbox: Path, target: PurePosixPath, owner: Account | None, mode: int
) -> None:
    """Move ``file`` to ``target`` below the sandbox, replacing a file there. Raises OSError."""
    with contextlib.ExitStack() as stack:
        directory = _open_parent(stack, sandbox, target, owner)
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        _hand_over(fd, owner, mode)
        try:
            os.rename(file, target.name, dst_dir_fd=directory)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_into(fd, directory, target.name, owner, mode)
            file.unlink()


def copy(
    source: Path, sandbox: Path, target: PurePosixPath, owner: Account | None, mode: int
) -> None:
    """As ``move``, but ``source`` stays. Raises OSError."""
    with contextlib.ExitStack() as stack:
        directory = _open_parent(stack, sandbox, target, owner)
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        _copy_into(fd, directory, target.name, owner, mode)


def _open_parent(
    stack: contextlib.ExitStack, sandbox: Path, target: PurePosixPath, owner: Account | None
) -> int:
    fd = os.open(sandbox, _DIRECTORY)
    stack.callback(os.close, fd)
    if Path(f"/proc/self/fd/{fd}").readlink() != sandbox:
        raise OSError(errno.ELOOP, f"A link leads from {sandbox} to somewhere else")
    for part in target.parts[:-1]:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=fd)
            if owner is not None:
                os.chown(part, owner.uid, owner.gid, dir_fd=fd, follow_symlinks=False)
        try:
            fd = os.open(part, _DIRECTORY, dir_fd=fd)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise OSError(error.errno, f"'{part}' in the sandbox is no directory") from None
            raise
        stack.callback(os.close, fd)
    return fd


def _copy_into(fd: int, directory: int, name: str, owner: Account | None, mode: int) -> None:
    temporary = f".fetching-{secrets.token_hex(8)}"
    out = os.open(temporary, _NEW_FILE, 0o600, dir_fd=directory)
    try:
        while os.sendfile(out, fd, None, _COPY_BYTES):
            pass
        _hand_over(out, owner, mode)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(temporary, dir_fd=directory)
        raise
    finally:
        os.close(out)


def _hand_over(fd: int, owner: Account | None, mode: int) -> None:
    if owner is not None and owner.uid != os.geteuid():
        os.fchown(fd, owner.uid, owner.gid)
    os.fchmod(fd, mode)
