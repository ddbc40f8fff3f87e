"""All resources of the API as one ASGI application."""

from __future__ import annotations

from starlette.types import ASGIApp

from orchestrator.marathon.adapters.api import entrance, plugins
from orchestrator.marathon.adapters.api.apps import Apps
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.deployments import Deployments
from orchestrator.marathon.adapters.api.errors import HANDLERS
from orchestrator.marathon.adapters.api.events import Events
from orchestrator.marathon.adapters.api.groups import Groups
from orchestrator.marathon.adapters.api.leader import Abdicate, Leader
from orchestrator.marathon.adapters.api.loggers import Loggers
from orchestrator.marathon.adapters.api.manners import with_manners
from orchestrator.marathon.adapters.api.pods import Pods
from orchestrator.marathon.adapters.api.queue import Queue
from orchestrator.marathon.adapters.api.system import System
from orchestrator.marathon.adapters.api.tasks import Tasks
from orchestrator.runtime.http import Application


def application(backend: Backend, address: str, abdicate: Abdicate) -> ASGIApp:
    """The API; ``address`` is where clients find it (host:port), ``abdicate`` ends the term."""
    system = System(backend, address)
    routes = [
        *Tasks(backend).routes(),
        *Apps(backend).routes(),
        *Groups(backend).routes(),
        *Pods(backend).routes(),
        *Deployments(backend).routes(),
        *Queue(backend).routes(),
        *Leader(backend, address, abdicate).routes(),
        *system.routes(),
        *Loggers().routes(),
        *plugins.routes(),
        *entrance.routes(),
    ]
    hot: dict[str, ASGIApp] = {
        "/v2/events": Events(backend),
        "/metrics": system.metrics,
        "/metrics/prometheus": system.metrics,
    }
    origins = backend.config.access_control_allow_origin.replace(" ", "").split(",")
    return with_manners(
        Application(routes, hot=hot, handlers=HANDLERS), list(filter(None, origins))
    )
