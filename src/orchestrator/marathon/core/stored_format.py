"""The form in which state is kept, by number, and how an older one becomes the present one.

A new field of an object needs no number: it has a default. A number is for what an older program
would read wrongly, or could not find. Each step of ``_STEPS`` makes one number of the one before;
state without a number is of the first versions, which wrote none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from orchestrator.marathon.core.instance import Instance
from orchestrator.runtime.machine import Save

KEY = "format"
Objects = Mapping[str, bytes]
_OLD_PREFIX = "marathon/"


class StateError(ValueError):
    """The state cannot be gone on from; the text says why and what to do."""


def migrate(objects: Objects) -> dict[str, bytes]:
    """The objects in the present form, its number among them. Raises StateError."""
    kept = {key: value for key, value in objects.items() if key != KEY}
    for step in _STEPS[number(objects) :]:
        kept = step(kept)
    return kept | {KEY: str(CURRENT).encode()}


def number(objects: Objects) -> int:
    """The form that objects are in. Raises StateError."""
    text = objects.get(KEY, b"0")
    if not text.isdigit():
        raise StateError(f"the state does not say its format: {text[:40]!r} is no number")
    if (found := int(text)) > CURRENT:
        raise StateError(
            f"the state was written by a newer Orchestrator (format {found}; this one knows"
            f" formats up to {CURRENT}): run that version, or restore a backup made by this one"
        )
    return found


def changes(old: Objects, new: Objects) -> Iterator[Save]:
    """What has to be saved to make one set of objects into another."""
    for key in old.keys() - new.keys():
        yield Save(key, None)
    for key, value in new.items():
        if old.get(key) != value:
            yield Save(key, value)


def check_identity(framework_id: str | None, instances: Iterable[Instance]) -> None:
    """Tasks of a framework whose id is lost would run on beside those launched anew.

    Raises StateError.
    """
    if framework_id is None and any(instance.condition.is_launched for instance in instances):
        raise StateError(
            "there are instances, but the id of the framework that launched them is missing:"
            " restore a backup, or start with --renew-framework-id to launch them anew"
        )


def _without_prefix(objects: Objects) -> dict[str, bytes]:
    """0 -> 1: each kind of object has a prefix of its own instead of one for all.

    So each kind lies below a znode of its own, and no list of names grows out of bounds.
    """
    return {key.removeprefix(_OLD_PREFIX): value for key, value in objects.items()}


_STEPS: tuple[Callable[[Objects], dict[str, bytes]], ...] = (_without_prefix,)
CURRENT = len(_STEPS)
"""The number of the present form."""
