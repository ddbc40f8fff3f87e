"""Where a probe finds what on the app. Agent ids need no quoting (``model.AgentId``)."""

from __future__ import annotations

from typing import Final

REGISTER: Final = "/api/v1/agents/register"
"""POST ``agents.Registration``, answered 200 with ``agents.Registered``; 409 see there."""
REPORTS: Final = "/api/v1/reports"
"""POST one report; 202: taken. 400: refused, do not send it again. 409: another instance with this
id has started later. 413: too large. 429 and 503: send it again after ``Retry-After`` seconds.
Errors have a body ``{"message": sentence}``."""
CONTROL: Final = "/api/v1/control/ws"
"""The WebSocket that a probe opens, with ``?agent_id=...&instance=...``; see ``control``."""


def heartbeat(agent_id: str) -> str:
    """POST ``agents.Heartbeat``, answered ``agents.HeartbeatAnswer``; 404: register first."""
    return f"/api/v1/agents/heartbeat/{agent_id}"


def config(agent_id: str) -> str:
    """GET ``agents.ProbeSettings``."""
    return f"/api/v1/agents/config/{agent_id}"
