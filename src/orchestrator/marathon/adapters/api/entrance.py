"""/ and /ui/: what people see who open Marathon in a browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Marathon</title></head>
<body>
<h1>Marathon</h1>
<p>This Marathon runs and serves its API; it brings no graphical interface of its own.</p>
<ul>
<li><a href="/v2/apps">/v2/apps</a>: the apps</li>
<li><a href="/v2/deployments?embed=waitingFor">/v2/deployments</a>: what is changing, and what it
waits for</li>
<li><a href="/v2/queue">/v2/queue</a>: what waits for an offer, and why</li>
<li><a href="/v2/info">/v2/info</a>: this Marathon itself</li>
</ul>
<p>In a terminal: <code>orchestrator apps</code>, <code>orchestrator deploy FILE</code>.</p>
</body>
</html>
"""


def routes() -> list[Route]:
    """The redirect, as Marathon has it, and the page."""
    return [
        Route("/", _redirect, methods=["GET"]),
        Route("/ui", _show, methods=["GET"]),
    ]


async def _redirect(_request: Request) -> Response:
    return RedirectResponse("/ui/", 302)


async def _show(_request: Request) -> Response:
    return HTMLResponse(_PAGE)
