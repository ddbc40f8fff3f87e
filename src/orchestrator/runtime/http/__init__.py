"""The HTTP kit: serve ASGI applications with limits, error bodies and bounded streams.

``application`` stands between uvicorn and the routes: body limit and deadline, errors in the form
that the API promises, bare-ASGI endpoints beside Starlette routes. ``server`` runs uvicorn inside
the current event loop, as several servers share one process. ``stream`` sends events to readers of
any speed; ``term`` ends what a leader has open. ``protocol`` bounds what a client may send before
there is a request at all.
"""

from orchestrator.runtime.http.application import (
    OPEN_ENDED,
    Application,
    Limits,
    json_error,
    json_response,
    plain_error,
    read_body,
)
from orchestrator.runtime.http.gate import Gate
from orchestrator.runtime.http.server import (
    CLOSING,
    ListenError,
    PortInUseError,
    Server,
    check_port,
    serve,
)
from orchestrator.runtime.http.stream import Stream, recordio_stream
from orchestrator.runtime.http.term import Term

__all__ = [
    "CLOSING",
    "OPEN_ENDED",
    "Application",
    "Gate",
    "Limits",
    "ListenError",
    "PortInUseError",
    "Server",
    "Stream",
    "Term",
    "check_port",
    "json_error",
    "json_response",
    "plain_error",
    "read_body",
    "recordio_stream",
    "serve",
]
