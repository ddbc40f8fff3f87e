"""Takes the secrets that came by value out of a message before it is kept or shown; puts them back.

The place of a value stays, so it is still seen that there was one; its bytes become none. Of the
other fields nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from orchestrator.mesos.types import Message, SecretValue

M = TypeVar("M", bound=Message)
_NOTHING = SecretValue(data=b"")
_Change = Callable[[SecretValue], SecretValue]


def without_secrets(message: M) -> M:
    """The same message, itself where it holds no secret."""
    return _changed(message, lambda _: _NOTHING)


def secrets_of(message: Message) -> list[bytes]:
    """The secrets that it holds, in their order."""
    found: list[bytes] = []

    def note(value: SecretValue) -> SecretValue:
        found.append(value.data)
        return value

    _changed(message, note)
    return found


def with_secrets(message: M, secrets: Sequence[bytes]) -> M:
    """The message as it was before its secrets were taken out."""
    rest = iter(secrets)
    return _changed(message, lambda value: SecretValue(data=next(rest, value.data)))


def _changed(message: M, change: _Change) -> M:
    if isinstance(message, SecretValue):
        return change(message)  # type: ignore[return-value]
    changed = {}
    for name in message.__struct_fields__:
        value = getattr(message, name)
        new = _changed_value(value, change)
        if new is not value:
            changed[name] = new
    return replace(message, **changed) if changed else message


def _changed_value(value: object, change: _Change) -> object:
    if isinstance(value, msgspec.Struct):
        return _changed(value, change) if isinstance(value, Message) else value
    if isinstance(value, list | tuple):
        items = [_changed_value(item, change) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return items if isinstance(value, list) else tuple(items)
    return value
