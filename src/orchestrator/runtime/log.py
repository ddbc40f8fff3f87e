"""Logging for people or for machines, to stderr.

As JSON, one object a line: ``ts`` (UTC, milliseconds), ``level``, ``logger``, ``msg``, whatever was
given as ``extra``, and ``error`` with the traceback where there is one. Log ids and reasons, never
the environment of a task or a credential.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

Format = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_encoder = msgspec.json.Encoder(enc_hook=str)


def configure(format: Format = "text", level: Level = "info", stream: TextIO | None = None) -> None:
    """Send all logging of this process to ``stream`` (stderr), replacing what was set before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These report every start and stop of a server, which our own lines already say.
    for noisy in ("uvicorn.error", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        entry: dict[str, object] = {
            "ts": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _OWN_FIELDS}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return _encoder.encode(entry).decode()


class TextFormatter(logging.Formatter):
    """``13:05:07.123 INFO  master: message key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        name = record.name.removeprefix("orchestrator.")
        extra = "".join(f" {k}={v}" for k, v in vars(record).items() if k not in _OWN_FIELDS)
        line = f"{clock} {record.levelname:<7} {name}: {record.getMessage()}{extra}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
