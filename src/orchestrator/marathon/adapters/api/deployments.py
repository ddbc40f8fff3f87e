"""/v2/deployments: what is changing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import params, views
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.core.effects import CancelDeployment, Deployed
from orchestrator.runtime.http import json_response


class Deployments:
    """The handlers of /v2/deployments."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """List and cancel."""
        return [
            Route("/v2/deployments", self.list_running, methods=["GET"]),
            Route("/v2/deployments/{deployment_id}", self.cancel, methods=["DELETE"]),
        ]

    async def list_running(self, request: Request) -> Response:
        """All deployments in progress; ``embed=waitingFor`` adds what each waits for."""
        explains = "waitingFor" in params.embeds(request)
        marathon = self._backend.marathon
        return json_response(
            [
                views.deployment(
                    running,
                    marathon.waiting_for(running) if explains else None,
                    self._backend.state,
                )
                for running in self._backend.state.deployments.values()
            ]
        )

    async def cancel(self, request: Request) -> Response:
        """Undo a deployment by another; with ``force``, just end it."""
        deployment_id = request.path_params["deployment_id"]
        command = CancelDeployment(deployment_id, params.flag(request, "force"))
        outcome = await self._backend.ask(command)
        if not isinstance(outcome, Deployed):
            return Response(status_code=202)
        undoing = outcome.deployment
        content = {"version": undoing.version, "deploymentId": undoing.id}
        return json_response(content, headers={"Marathon-Deployment-Id": undoing.id})
