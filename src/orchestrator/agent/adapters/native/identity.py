"""Whose rights a container has, and whose its files are."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from orchestrator.agent.adapters.images.documents import Settings
from orchestrator.agent.adapters.native import accounts, rooted
from orchestrator.agent.adapters.native.accounts import Account
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.core.task import Container

MAX_ACCOUNTS_BYTES = 4 * 1024 * 1024  # of an image's /etc/passwd


def account_of(
    container: Container, root: Path, settings: Settings, *, switch_user: bool
) -> Account:
    """The command's user, the image's, or the framework's, in that order.

    Names mean the image's users first, those of the machine where it has none of that name.
    Raises NativeError, OSError.
    """
    own = container.command.user if container.command else None
    of_framework = container.framework_user if switch_user else None
    name = own or settings.user or of_framework
    if not name:
        return accounts.ROOT
    if root != Path("/"):
        passwd = rooted.read_text(root, "/etc/passwd", MAX_ACCOUNTS_BYTES)
        group = rooted.read_text(root, "/etc/group", MAX_ACCOUNTS_BYTES)
        if (account := accounts.find(name, passwd, group)) is not None:
            return account
    if (account := _of_host(name)) is not None:
        return account
    raise NativeError(f"There is no user '{name}' in the image or on this machine")


def hand_over(directory: Path, account: Account) -> None:
    """Give a sandbox to its task's user. Raises OSError.

    Others of its group may be at work beside it: no link is followed, wherever they put one.
    """
    if account.uid == os.geteuid() and account.gid == os.getegid():
        return
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if Path(f"/proc/self/fd/{top}").readlink() != directory:
            raise OSError(f"A link leads from {directory} to somewhere else")
        os.fchown(top, account.uid, account.gid)
        for _, directories, files, fd in os.fwalk(dir_fd=top):
            for name in (*directories, *files):
                os.chown(name, account.uid, account.gid, dir_fd=fd, follow_symlinks=False)
    finally:
        os.close(top)


def _of_host(name: str) -> Account | None:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return None
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, groups=groups, home=entry.pw_dir)
