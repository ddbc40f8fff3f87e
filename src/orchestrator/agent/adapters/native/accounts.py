"""Who ``USER[:GROUP]`` is, by name or number, in the files passwd(5) and group(5) of an image."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import Message

MAX_ID = 2**32 - 2


class Account(Message):
    """Numbers of a user, its group, and the further groups it is in."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


ROOT = Account(uid=0, gid=0, home="/root")


def find(user: str, passwd: str, group: str) -> Account | None:
    """The account in these files; numbers need not be in them. None: there is no such name.

    Raises NativeError where a number is out of range, or the group is not there.
    """
    name, _, group_name = user.partition(":")
    entry = next((one for one in _users(passwd) if name in (one[0], str(one[1]))), None)
    if entry is not None:
        own_name, uid, gid, home = entry
    elif name.isdigit():
        own_name, uid, gid, home = "", _number(name), 0, "/"
    else:
        return None
    if group_name:
        return Account(uid=uid, gid=_group(group_name, group), home=home)
    groups = tuple(number for _, number, members in _groups(group) if own_name in members)
    return Account(uid=uid, gid=gid, groups=groups, home=home)


def _group(name: str, group: str) -> int:
    found = next((number for one, number, _ in _groups(group) if one == name), None)
    if found is not None:
        return found
    if name.isdigit():
        return _number(name)
    raise NativeError(f"There is no group '{name}' in the image")


def _number(text: str) -> int:
    if int(text) > MAX_ID:
        raise NativeError(f"{text} is too large to be the number of a user or group")
    return int(text)


def _users(passwd: str) -> Iterator[tuple[str, int, int, str]]:
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= 6 and fields[2].isdigit() and fields[3].isdigit():
            uid, gid = int(fields[2]), int(fields[3])
            if max(uid, gid) <= MAX_ID:
                yield fields[0], uid, gid, fields[5] or "/"


def _groups(group: str) -> Iterator[tuple[str, int, frozenset[str]]]:
    for line in group.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and fields[2].isdigit():
            yield fields[0], int(fields[2]), frozenset(filter(None, fields[3].split(",")))
