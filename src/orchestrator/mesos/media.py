"""Which form a body has: JSON or protobuf, as Content-Type says and Accept allows.

Source: ``Request::acceptsMediaType`` and the handlers of src/master/http.cpp of Mesos 1.11: JSON is
preferred wherever both are allowed, whatever their qualities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from orchestrator.mesos import codec, protobuf

T = TypeVar("T", bound=msgspec.Struct)


class Media(NamedTuple):
    """One form: its media type, and how messages are written in it."""

    type: str
    encode: Callable[[msgspec.Struct], bytes]


JSON = Media("application/json", codec.encode)
PROTOBUF = Media("application/x-protobuf", protobuf.encode)
BOTH = f"{JSON.type} or {PROTOBUF.type}"


def of_content(content_type: str) -> Media | None:
    """The form that a Content-Type names."""
    return {JSON.type: JSON, PROTOBUF.type: PROTOBUF}.get(name_of(content_type))


def name_of(content_type: str) -> str:
    """The media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def decode(media: Media, type_: type[T], body: bytes) -> T:
    """Read a message. Raises codec.DecodeError."""
    if media is PROTOBUF:
        return protobuf.decode(type_, body)
    return codec.decode(type_, body)


def of_accept(accept: str | None) -> Media | None:
    """The form to answer in; absent or empty means that any will do."""
    for media in (JSON, PROTOBUF):
        if allows(accept, media.type):
            return media
    return None


def allows(accept: str | None, wanted: str) -> bool:
    """Whether an Accept header lets an answer have a media type."""
    if not accept:
        return True
    for choice in accept.split(","):
        name, *parameters = (part.strip() for part in choice.split(";"))
        if name.lower() in {"*/*", "application/*", wanted}:
            return not any(_is_zero_quality(p) for p in parameters)
    return False


def _is_zero_quality(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip("0. ")
