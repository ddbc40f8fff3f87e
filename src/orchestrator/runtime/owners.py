"""Who owns a file, by name where there is one."""

from __future__ import annotations

import grp
import pwd


def user_name(uid: int) -> str:
    """The user's name, or the number as text."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The group's name, or the number as text."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
