"""A page of a list; pure. Objects are read one by one: one that makes no sense hides no others."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import msgspec

from orchestrator.monitoring.probe.kubernetes.objects import Object, Wire

MAX_ID = 512


class _ListMetadata(Wire):
    continue_: str | None = msgspec.field(default=None, name="continue")


class _List(Wire):
    items: list[msgspec.Raw] | None
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)


_list = msgspec.json.Decoder(_List)
Kind = TypeVar("Kind", bound=Object)


class PageError(Exception):
    """An answer is no page of a list; the text is one sentence."""


class Page(NamedTuple, Generic[Kind]):
    """A part of a list."""

    objects: list[Kind]
    refused: int
    """Objects that make no sense: without name or uid, or of another form."""
    next: str
    """By which the next part is asked for; empty if there is none."""


def read_page(data: bytes, kind: type[Kind]) -> Page[Kind]:
    """Read an answer to a list. Raises PageError."""
    try:
        found = _list.decode(data)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise PageError(f"the API server answers with something else: {error}") from None
    except RecursionError:
        raise PageError("the API server answers with something else: it is too deep") from None
    objects = []
    for raw in found.items or ():
        one = _read(raw, kind)
        if one is not None:
            objects.append(one)
    return Page(objects, len(found.items or ()) - len(objects), found.metadata.continue_ or "")


def is_id(text: str) -> bool:
    """Whether a report may name a node so."""
    return 0 < len(text) <= MAX_ID and text.isprintable()


def _read(raw: msgspec.Raw, kind: type[Kind]) -> Kind | None:
    try:
        found = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    metadata = found.metadata
    is_named = is_id(metadata.uid) and is_id(metadata.name)
    return found if is_named and (is_id(metadata.namespace) or not metadata.namespace) else None
