"""Users of this machine, by name."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple


class Account(NamedTuple):
    """A user with its groups."""

    name: str
    uid: int
    gid: int
    groups: list[int]


def find(user: str) -> Account:
    """The user's account. Raises LookupError with a sentence."""
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise LookupError(f"There is no user '{user}' on this machine") from None
    return Account(user, entry.pw_uid, entry.pw_gid, os.getgrouplist(user, entry.pw_gid))
