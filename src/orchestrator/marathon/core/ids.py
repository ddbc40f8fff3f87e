"""Names: app ids as paths in a tree of groups, instance ids and task ids.

An app ``/shop/cart`` lives in the group ``/shop``. One of its instances is
``shop_cart.instance-<uuid>``, and each launch of that instance is a task
``shop_cart.instance-<uuid>._app.<incarnation>``. A launch of a pod's instance is a task for each
container, named after it: ``shop_cart.instance-<uuid>.<container>.<incarnation>``, under the
executor ``instance-shop_cart.<uuid>``. Source: PathId.scala, Instance.scala and Task.scala of
Marathon 1.11.
"""

from __future__ import annotations

import re

_SEGMENT_PATTERN = (
    r"^(([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])|(\.|\.\.)$"
)
_SEGMENT = re.compile(_SEGMENT_PATTERN)
_RESERVED = ("restart", "tasks", "versions", ".", "..")
_TASK_ID = re.compile(r"^(.+\.(?:instance-|marathon-)[^_.]+)[._]([^.]+)(?:\.\d+)?$")
INSTANCE_ID_PATTERN = r"^(.+)\.(instance-|marathon-)([^\.]+)$"
_INSTANCE_ID = re.compile(INSTANCE_ID_PATTERN)
APP_CONTAINER = "_app"  # no container of a pod can have this name
MAX_APP_ID_LENGTH = 512

SEGMENT_ERROR = f"must fully match regular expression '{_SEGMENT_PATTERN}'"

ROOT = "/"


def canonical(path: str, base: str = ROOT) -> str:
    """The absolute form: ``foo//bar/../baz/`` becomes ``/foo/baz``; relative paths hang on base."""
    segments = [] if path.startswith("/") else _segments(base)
    for segment in _segments(path):
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments = [*segments, segment]
    return "/" + "/".join(segments)


def problems(path: str) -> list[str]:
    """What keeps an absolute path from being the id of an app or group, in Marathon's words."""
    segments = _segments(path)
    if not segments:
        return ["Path must contain at least one path element"]
    found = []
    if not has_valid_segments(path):
        found.append(SEGMENT_ERROR)
    if segments[-1] in _RESERVED:
        reserved = ", ".join(_RESERVED)
        found.append(f"must not end with any of the following reserved keywords: {reserved}")
    if len(path) > MAX_APP_ID_LENGTH:
        found.append(f"must not be longer than {MAX_APP_ID_LENGTH} characters")
    return found


def has_valid_segments(path: str) -> bool:
    """Whether each part of the path could be a name."""
    return all(_SEGMENT.fullmatch(segment) for segment in _segments(path))


def is_within(app_id: str, group_id: str) -> bool:
    """Whether the app is the path itself or lies below it; everything lies below the root."""
    return group_id in (ROOT, app_id) or app_id.startswith(group_id + "/")


def parent(path: str) -> str:
    """The group that an app or group is in, given its absolute path; the root's is the root."""
    return path.rpartition("/")[0] or ROOT


def hostname(app_id: str) -> str:
    """The path turned round with dots, as service discovery names it: ``cart.shop``."""
    return ".".join(reversed(_segments(app_id)))


def instance_id(app_id: str, uuid: str) -> str:
    """The id of a new instance."""
    return f"{'_'.join(_segments(app_id))}.instance-{uuid}"


def task_id(instance: str, incarnation: int, container: str = APP_CONTAINER) -> str:
    """The id of one launch of an instance, or of a container of it."""
    return f"{instance}.{container}.{incarnation}"


def executor_id(instance: str, incarnation: int) -> str:
    """The id of the executor of one launch of a pod's instance.

    Marathon's has no incarnation. Here each launch but the first has one, because the executor of
    the launch before may still be ending on the same agent.
    """
    path, _, uuid = instance.rpartition(".instance-")
    return f"instance-{path}.{uuid}" + (f".{incarnation}" if incarnation > 1 else "")


def is_instance_id(text: str) -> bool:
    """Whether this could be the id of an instance."""
    return _INSTANCE_ID.fullmatch(text) is not None


def instance_of(task: str) -> str | None:
    """The instance that a task id belongs to; None if it is not one of Marathon's."""
    match = _TASK_ID.match(task)
    return match.group(1) if match else None


def container_of(task: str) -> str:
    """The container that a task id names; empty if it is not one of Marathon's."""
    match = _TASK_ID.match(task)
    return match.group(2) if match else ""


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
