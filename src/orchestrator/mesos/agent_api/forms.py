"""Which forms a request to an agent and its answer have, where either may be a stream.

Source: ``Http::api`` in src/slave/http.cpp of Mesos 1.11, whose order of checks is kept: a stream
is RecordIO, and then a second header says what its records are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.mesos import media
from orchestrator.mesos.agent_api.calls import CallType
from orchestrator.mesos.calls import Refusal
from orchestrator.mesos.media import Media

RECORDIO = "application/recordio"
_ALL = f"{media.BOTH} or {RECORDIO}"
_STREAMED = frozenset({CallType.ATTACH_CONTAINER_OUTPUT, CallType.LAUNCH_NESTED_CONTAINER_SESSION})


class Forms(NamedTuple):
    """How messages are written, and whether the headers ask for streams of them."""

    content: Media
    is_content_stream: bool
    accept: Media
    is_accept_stream: bool

    @property
    def stream_headers(self) -> list[tuple[bytes, bytes]]:
        """Of an answer that is a stream; before RecordIO had a name, it went by its records'."""
        if not self.is_accept_stream:
            return [(b"content-type", self.accept.type.encode())]
        return [
            (b"content-type", RECORDIO.encode()),
            (b"message-content-type", self.accept.type.encode()),
        ]

    def problem_of(self, type_: CallType) -> Refusal | None:
        """Why calls of this type cannot be made so."""
        is_input = type_ is CallType.ATTACH_CONTAINER_INPUT
        if self.is_content_stream and not is_input:
            sentence = f"Streaming 'Content-Type' {RECORDIO} is not supported for {type_} call"
            return Refusal(415, sentence)
        if is_input and not self.is_content_stream:
            return Refusal(415, f"Expecting 'Content-Type' to be {RECORDIO} for {type_} call")
        if self.is_accept_stream and type_ not in _STREAMED:
            return Refusal(406, f"Streaming response is not supported for {type_} call")
        return None


def negotiate(headers: Mapping[str, str]) -> Forms | Refusal:
    """Read the headers, whose names are in lower case."""
    content = _content(headers)
    if isinstance(content, Refusal):
        return content
    accept = _accept(headers)
    if isinstance(accept, Refusal):
        return accept
    return Forms(*content, *accept)


def _content(headers: Mapping[str, str]) -> tuple[Media, bool] | Refusal:
    type_, of_records = headers.get("content-type"), headers.get("message-content-type")
    if type_ is None:
        return Refusal(400, "Expecting 'Content-Type' to be present")
    if media.name_of(type_) == RECORDIO:
        if of_records is None:
            sentence = "Expecting 'Message-Content-Type' to be set for streaming requests"
            return Refusal(400, sentence)
        form = media.of_content(of_records)
        if form is None:
            return Refusal(415, f"Expecting 'Message-Content-Type' of {media.BOTH}")
        return form, True
    form = media.of_content(type_)
    if form is None:
        return Refusal(415, f"Expecting 'Content-Type' of {_ALL}")
    if of_records is not None:
        sentence = "Expecting 'Message-Content-Type' to be not set for non-streaming requests"
        return Refusal(415, sentence)
    return form, False


def _accept(headers: Mapping[str, str]) -> tuple[Media, bool] | Refusal:
    accept, of_records = headers.get("accept"), headers.get("message-accept")
    form = media.of_accept(accept)
    if form is not None:
        if of_records is not None:
            sentence = "Expecting 'Message-Accept' to be not set for non-streaming responses"
            return Refusal(406, sentence)
        return form, False
    if not media.allows(accept, RECORDIO):
        return Refusal(406, f"Expecting 'Accept' to allow {_ALL}")
    form = media.of_accept(of_records)
    if form is None:
        return Refusal(406, f"Expecting 'Message-Accept' to allow {media.BOTH}")
    return form, True
