"""/v2/pods: definitions, versions, status, instances.

Source: PodsResource.scala of Marathon 1.11.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import params, pod_views
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.pod_status import ShownInstance
from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.effects import (
    ChangePod,
    CreatePod,
    DeletePod,
    Deployed,
    Killed,
    KillInstances,
    Planned,
    PodRequest,
)
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import (
    BadRequest,
    InvalidObject,
    Refusal,
    Unknown,
    Violation,
)
from orchestrator.runtime.http import json_response

_DEPLOYMENT_HEADER = "Marathon-Deployment-Id"


class Pods:
    """The handlers of /v2/pods."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._state = backend.state

    def routes(self) -> list[Route]:
        """The longer paths come first: a pod's id may itself have slashes."""
        one = "/v2/pods/{pod_id:path}"
        return [
            Route("/v2/pods", self.is_capable, methods=["HEAD"]),
            Route("/v2/pods", self.list_pods, methods=["GET"]),
            Route("/v2/pods", self.create, methods=["POST"]),
            Route("/v2/pods/::status", self.list_status, methods=["GET"]),
            Route("/v2/pods::status", self.list_status, methods=["GET"]),
            Route(f"{one}::status", self.show_status, methods=["GET"]),
            Route(f"{one}::versions", self.list_versions, methods=["GET"]),
            Route(f"{one}::versions/{{version}}", self.show_version, methods=["GET"]),
            Route(f"{one}::instances", self.delete_instances, methods=["DELETE"]),
            Route(f"{one}::instances/{{instance_id}}", self.delete_instance, methods=["DELETE"]),
            Route(one, self.show, methods=["GET"]),
            Route(one, self.change, methods=["PUT"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    async def is_capable(self, _request: Request) -> Response:
        """Clients ask in this way whether there are pods."""
        return Response(status_code=200)

    async def list_pods(self, _request: Request) -> Response:
        """All pods."""
        return json_response([pod.shown() for pod in self._state.pods.values()])

    async def create(self, request: Request) -> Response:
        """A new pod."""
        pod = read(Pod, await request.body())
        outcome = await self._ask(request, CreatePod(pod, *_asked(request), params.client(request)))
        location = {"Location": ids.canonical(pod.id)}
        return self._changed(outcome, pod.id, 201, location)

    async def show(self, request: Request) -> Response:
        """One pod."""
        return json_response(self._pod(request).shown())

    async def change(self, request: Request) -> Response:
        """Replace a pod's definition; a pod that does not exist is created."""
        pod_id, pod = _pod_id(request), read(Pod, await request.body())
        if ids.canonical(pod.id) != pod_id:
            raise BadRequest(f"'{pod_id}' does not match definition's id ('{pod.id}')")
        outcome = await self._ask(request, ChangePod(pod, *_asked(request), params.client(request)))
        return self._changed(outcome, pod.id, 200, {})

    async def delete(self, request: Request) -> Response:
        """End a pod."""
        command = DeletePod(_pod_id(request), *_asked(request), params.client(request))
        outcome = await self._ask(request, command)
        if isinstance(outcome, Planned):
            return _planned(outcome)
        deployment_id = outcome.deployment.id
        headers = {_DEPLOYMENT_HEADER: deployment_id, "Location": deployment_id}
        return Response(status_code=202, headers=headers)

    async def list_status(self, _request: Request) -> Response:
        """The status of all pods."""
        now = self._backend.clock.now()
        pods = self._state.pods.values()
        return json_response([pod_views.status(self._state, pod, now) for pod in pods])

    async def show_status(self, request: Request) -> Response:
        """The status of one pod."""
        pod, now = self._pod(request), self._backend.clock.now()
        return json_response(pod_views.status(self._state, pod, now))

    async def list_versions(self, request: Request) -> Response:
        """The versions of a pod."""
        pod = self._pod(request)
        return json_response(sorted(self._state.pod_versions.get(pod.id, {})))

    async def show_version(self, request: Request) -> Response:
        """A pod as it was."""
        version, pod = params.version(request), self._pod(request)
        found = self._state.pod_versions.get(pod.id, {}).get(version)
        if found is None:
            raise Unknown.pod(pod.id, version)
        return json_response(found.shown())

    async def delete_instances(self, request: Request) -> Response:
        """End instances of a pod by their ids; those it does not have are passed over."""
        pod = self._pod(request)
        instance_ids = read(list[str], await request.body())
        for index, instance_id in enumerate(instance_ids):
            _check_instance_id(instance_id, f"/({index})")
        instances = await self._kill(request, pod, list(dict.fromkeys(instance_ids)))
        return json_response([self._killed(instance) for instance in instances])

    async def delete_instance(self, request: Request) -> Response:
        """End one instance of a pod."""
        pod, instance_id = self._pod(request), request.path_params["instance_id"]
        _check_instance_id(instance_id, "/")
        instances = await self._kill(request, pod, [instance_id])
        if not instances:
            raise Unknown.task(instance_id)
        return json_response(self._killed(instances[0]))

    async def _kill(self, request: Request, pod: Pod, instance_ids: list[str]) -> list[Instance]:
        own = {instance.id for instance in self._state.instances_of(pod.id)}
        command = KillInstances(
            instance_ids=[instance_id for instance_id in instance_ids if instance_id in own],
            wipes=params.flag(request, "wipe"),
        )
        outcome = await self._backend.ask(command)
        return outcome.instances if isinstance(outcome, Killed) else []

    def _killed(self, instance: Instance) -> ShownInstance:
        return pod_views.killed(instance, self._state.spec_of(instance))

    async def _ask(self, request: Request, command: PodRequest) -> Deployed | Planned:
        outcome = await self._backend.ask(command, params.deadline(request))
        if not isinstance(outcome, Deployed | Planned):
            raise Refusal("no deployment was made")
        return outcome

    def _changed(
        self, outcome: Deployed | Planned, pod_id: str, status: int, headers: dict[str, str]
    ) -> Response:
        if isinstance(outcome, Planned):
            return _planned(outcome)
        headers = {_DEPLOYMENT_HEADER: outcome.deployment.id} | headers
        pod = self._state.pods.get(ids.canonical(pod_id))
        content = msgspec.json.encode(pod.shown()) if pod else b"{}"  # deleted again meanwhile
        return Response(content, status, headers, "application/json")

    def _pod(self, request: Request) -> Pod:
        pod_id = _pod_id(request)
        pod = self._state.pods.get(pod_id)
        if pod is None:
            raise Unknown.pod(pod_id)
        return pod


def _pod_id(request: Request) -> str:
    return ids.canonical("/" + str(request.path_params["pod_id"]))


def _asked(request: Request) -> tuple[bool, bool]:
    """Whether to force it, and whether only to say what would be done."""
    return params.flag(request, "force"), params.flag(request, "dryRun")


def _planned(outcome: Planned) -> Response:
    return json_response({"steps": outcome.steps})


def _check_instance_id(instance_id: str, where: str) -> None:
    if not ids.is_instance_id(instance_id):
        pattern = ids.INSTANCE_ID_PATTERN
        error = f"must fully match regular expression '{pattern}'"
        raise InvalidObject([Violation(where, error)])
