"""Paths inside a directory that somebody else filled, resolved as if it were the root of all.

A link in an image may point to ``/etc/shadow``; what is meant is the image's own. Nothing runs in
the directory while it is looked at.
"""

from __future__ import annotations

from pathlib import Path

MAX_LINKS = 40


def resolve(root: Path, path: str) -> Path:
    """Where the path leads inside ``root``; the last part need not exist.

    Raises OSError where links lead in a circle.
    """
    at: list[str] = []
    rest = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    links = 0
    while rest:
        part = rest.pop()
        if part == "..":
            at = at[:-1]
            continue
        place = root.joinpath(*at, part)
        if place.is_symlink():
            links += 1
            if links > MAX_LINKS:
                raise OSError(f"'{path}' leads in a circle")
            target = str(place.readlink())
            at = [] if target.startswith("/") else at
            rest += [one for one in reversed(target.split("/")) if one not in ("", ".")]
        else:
            at.append(part)
    return root.joinpath(*at)


def read_text(root: Path, path: str, max_bytes: int) -> str:
    """The beginning of a file inside ``root``; empty where there is none. Raises OSError."""
    place = resolve(root, path)
    if not place.is_file():
        return ""
    with place.open("rb") as file:
        return file.read(max_bytes).decode("utf-8", "replace")
