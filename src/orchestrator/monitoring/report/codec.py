"""A report as bytes: msgpack between our own programs, JSON for everybody else.

Compression is the transport's: ``Content-Encoding: gzip`` (a probe uses zlib, as the standard
library has it) or ``zstd``.
"""

from __future__ import annotations

import msgspec

from orchestrator.monitoring.report.model import Report
from orchestrator.monitoring.report.validity import ReportError

MSGPACK = "application/msgpack"
JSON = "application/json"
MEDIA_TYPES = (MSGPACK, JSON)

_to_msgpack = msgspec.msgpack.Encoder()
_to_json = msgspec.json.Encoder()
_from_msgpack = msgspec.msgpack.Decoder(Report)
_from_json = msgspec.json.Decoder(Report)


def encode(report: Report, media_type: str = MSGPACK) -> bytes:
    """Write a report. Raises ReportError for a media type that is not one of ``MEDIA_TYPES``."""
    if media_type == MSGPACK:
        return _to_msgpack.encode(report)
    if media_type == JSON:
        return _to_json.encode(report)
    raise _unknown(media_type)


def decode(data: bytes, media_type: str = MSGPACK) -> Report:
    """Read a report; its fields have their types and lengths. Raises ReportError."""
    if media_type not in MEDIA_TYPES:
        raise _unknown(media_type)
    decoder = _from_msgpack if media_type == MSGPACK else _from_json
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise ReportError(f"this is no valid report: {_sentence(error)}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ReportError(f"this is not {media_type}: {str(error)[:500]}") from None


def _sentence(error: Exception) -> str:
    text = str(error).replace("`", "")
    return text[:1].lower() + text[1:500]


def _unknown(media_type: str) -> ReportError:
    return ReportError(
        f"a report cannot be of type {media_type[:100]!r}: use {' or '.join(MEDIA_TYPES)}"
    )
