"""Where reports arrive: a bare ASGI endpoint, as there are hundreds of them a second."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.monitoring.app.access import DeniedError
from orchestrator.monitoring.app.bus.contract import Sent
from orchestrator.monitoring.app.intake import RefusedError
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report import codec
from orchestrator.monitoring.report.model import Report
from orchestrator.runtime.http import read_body

_ACCEPTED = [(b"content-type", b"application/json"), (b"content-length", b"2")]


def endpoint(monitor: Monitor) -> ASGIApp:
    """POST /api/v1/reports."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise HTTPException(405, "reports are sent with POST", {"Allow": "POST"})
        await take(monitor, scope, receive)
        await send({"type": "http.response.start", "status": 202, "headers": _ACCEPTED})
        await send({"type": "http.response.body", "body": b"{}"})

    return answer


async def take(monitor: Monitor, scope: Scope, receive: Receive) -> Report:
    """One report. Raises HTTPException."""
    try:
        monitor.access.check(scope, "report")
    except DeniedError as error:
        raise HTTPException(error.status, str(error)) from None
    headers = dict(scope["headers"])
    media_type = headers.get(b"content-type", codec.JSON.encode()).decode("latin-1")
    encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    data = await read_body(receive)
    try:
        media_type = media_type.partition(";")[0].strip().lower()
        return monitor.take(Sent(data, media_type, encoding))
    except RefusedError as error:
        retry = {"Retry-After": "15"} if error.status == 503 else None
        raise HTTPException(error.status, str(error), retry) from None
