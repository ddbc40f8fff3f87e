"""How a call of the v1 APIs is read from a request, or refused, in Mesos' order of checks.

Source: the handlers of src/master/http.cpp and src/slave/http.cpp of Mesos 1.11. The order is part
of the contract: clients tell what went wrong by the status code.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from orchestrator.mesos import codec, media
from orchestrator.mesos.media import Media


class Refusal(msgspec.Struct, frozen=True):
    """The HTTP status and the sentence that a call is answered with."""

    status: int
    message: str


class OperatorError(Exception):
    """A call that is not carried out: the HTTP status and the sentence to answer with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class AnyCall(Protocol):
    """A call of any of the APIs: a struct that knows what it lacks."""

    def problem(self) -> str | None:
        """What a well-formed call of its type lacks, in a sentence, or None."""
        ...


C = TypeVar("C", bound=AnyCall)


def read(type_: type[C], api: str, content_type: str | None, body: bytes) -> C | Refusal:
    """Read a call of an ``api`` (as in ``scheduler::Call``), or say why it is none."""
    if content_type is None:
        return Refusal(400, "Expecting 'Content-Type' to be present")
    form = media.of_content(content_type)
    if form is None:
        return Refusal(415, f"Expecting 'Content-Type' of {media.BOTH}")
    return parse(type_, api, form, body)


def parse(type_: type[C], api: str, form: Media, body: bytes) -> C | Refusal:
    """Read a call in a form that was agreed on."""
    try:
        call = media.decode(form, type_, body)  # type: ignore[type-var]  # calls are structs
    except codec.DecodeError as error:
        into = "JSON" if form is media.JSON else "Call protobuf"
        return Refusal(400, f"Failed to parse body into {into}: {error}")
    if problem := call.problem():
        return Refusal(400, f"Failed to validate {api}::Call: {problem}")
    return call


def answer_form(accept: str | None) -> Media | Refusal:
    """The form to answer in, as far as Accept allows one."""
    form = media.of_accept(accept)
    if form is None:
        allowed = f"'{media.PROTOBUF.type}' or '{media.JSON.type}'"
        return Refusal(406, f"Expecting 'Accept' to allow {allowed}")
    return form


UNKNOWN_TYPE = Refusal(501, "calls of an unknown type are not supported")
