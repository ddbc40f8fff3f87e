"""What is to be done with the whole state between two terms: back it up, then restore another.

As in Marathon, ``DELETE /v2/leader?backup=URI&restore=URI`` keeps the wish in the state itself, the
leader steps down, and whoever leads next carries it out before it reads anything: nothing changes
meanwhile, so the file is of one moment. Only ``file://`` is known.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import msgspec

from orchestrator.marathon.core.refusals import InvalidObject, Violation

KEY = "upkeep"


class Upkeep(msgspec.Struct, frozen=True):
    """Paths of files; None for what is not wanted."""

    backup: str | None = None
    restore: str | None = None


def wanted(backup: str | None, restore: str | None) -> Upkeep:
    """The wish that two URIs express. Raises InvalidObject."""
    problems: list[Violation] = []
    paths = [
        _path(uri, name, problems) for uri, name in ((backup, "/backup"), (restore, "/restore"))
    ]
    if problems:
        raise InvalidObject(problems)
    return Upkeep(*paths)


def _path(uri: str | None, name: str, problems: list[Violation]) -> str | None:
    if uri is None:
        return None
    path = _local(uri)
    if path is None:
        error = f"'{uri}' is not supported: only file:///absolute/path is"
        problems.append(Violation(name, error))
    return path


def _local(uri: str) -> str | None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = unquote(parts.path)
    is_file = parts.scheme == "file" and parts.netloc in ("", "localhost")
    is_usable = path.startswith("/") and not path.endswith("/") and "\0" not in path
    return path if is_file and is_usable else None
