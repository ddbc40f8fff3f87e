"""Who may run commands beside tasks."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from orchestrator.mesos.agent_api import CallType
from orchestrator.mesos.calls import OperatorError

_TOUCHES_TASKS = frozenset(
    {
        CallType.LAUNCH_CONTAINER,
        CallType.LAUNCH_NESTED_CONTAINER,
        CallType.LAUNCH_NESTED_CONTAINER_SESSION,
        CallType.ATTACH_CONTAINER_INPUT,
        CallType.KILL_CONTAINER,
        CallType.KILL_NESTED_CONTAINER,
    }
)


class Guard:
    """Says who may run commands beside tasks, as long as there is no authentication.

    As in Mesos anybody may, where only this machine can ask: the agent listens on a loopback
    address. Elsewhere ``is_enabled`` has to be set. Pages in a browser of this machine can reach
    it too, and browsers say so by an ``Origin``: these may not.
    """

    def __init__(self, host: str, *, is_enabled: bool) -> None:
        self._host = host
        self._is_open = is_enabled or is_loopback(host)

    def check(self, request: Request, type_: CallType) -> None:
        """Raises OperatorError."""
        if type_ not in _TOUCHES_TASKS:
            return
        if not self._is_open:
            raise OperatorError(
                403,
                f"{type_} calls are off on this agent, as it listens on {self._host} and asks"
                " nobody who they are: the agent's setting --enable-sessions turns them on",
            )
        if "origin" in request.headers:
            raise OperatorError(403, f"{type_} calls are not taken from pages in a browser")


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
