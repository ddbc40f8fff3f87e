"""/v2/tasks and /v2/apps/{id}/tasks: what runs, and ending it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import params, views
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.paging import etag, page, unchanged
from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import Deployed, Killed, KillInstances
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.refusals import BadRequest, Unknown
from orchestrator.runtime.http import json_response

_STATUSES = {"running": Condition.RUNNING, "staging": Condition.STAGING}


class TaskIds(msgspec.Struct, frozen=True):
    """The tasks to end."""

    ids: list[str]


class Tasks:
    """The handlers of tasks."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._state = backend.state
        self._json = views.TaskJson(backend.state)

    def routes(self) -> list[Route]:
        """To stand before those of /v2/apps/{id}."""
        of_app = "/v2/apps/{app_id:path}/tasks"
        return [
            Route("/v2/tasks", self.list_all, methods=["GET"]),
            Route("/v2/tasks/delete", self.delete_listed, methods=["POST"]),
            Route(of_app, self.list_of_app, methods=["GET"]),
            Route(of_app, self.delete_of_app, methods=["DELETE"]),
            Route(f"{of_app}/{{task_id}}", self.delete_one, methods=["DELETE"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All tasks, as JSON or (for old load balancers) as a table of text."""
        if _prefers_text(request):
            return PlainTextResponse(self._table())
        tag = etag(self._backend, self._state.dirty.revision)
        if answer := unchanged(request, tag):
            return answer
        query = request.query_params
        names = [*query.getlist("status"), *query.getlist("status[]")]
        wanted = frozenset(_STATUSES[n.lower()] for n in names if n.lower() in _STATUSES)
        if not {"limit", "offset"} & query.keys():
            app_ids = self._state.apps_with_instances()
            content = self._json.of_apps(app_ids, wanted, with_service_ports=True)
            return Response(b'{"tasks":' + content + b"}", 200, {"ETag": tag}, "application/json")
        shown = [i for i in self._state.instances.values() if views.is_shown(i)]
        instances, headers = page(
            request, [i for i in shown if not wanted or i.condition in wanted]
        )
        return self._tasks(instances, True, {"ETag": tag, **headers})

    async def list_of_app(self, request: Request) -> Response:
        """The tasks of an app, or of a group (``/v2/apps/group/*/tasks``)."""
        app_id = params.app_id(request)
        if app_id.endswith("/*"):
            group_id = ids.parent(app_id)
            app_ids = [a for a in self._state.apps if ids.is_within(a, group_id)]
            if not app_ids and group_id != ids.ROOT:
                raise Unknown.group(group_id)
        else:
            self._check_app(app_id)
            app_ids = [app_id]
        return self._tasks([i for a in app_ids for i in self._state.instances_of(a)])

    async def delete_of_app(self, request: Request) -> Response:
        """End the tasks of an app, all or those on one host."""
        app_id, host = params.app_id(request), request.query_params.get("host", "*")
        _check_wishes(request)
        self._check_app(app_id)
        instances = [
            instance
            for instance in self._state.instances_of(app_id)
            if host == "*" or (instance.place is not None and instance.place.host == host)
        ]
        return await self._kill(request, [instance.id for instance in instances])

    async def delete_one(self, request: Request) -> Response:
        """End one task."""
        app_id, task_id = params.app_id(request), request.path_params["task_id"]
        _check_wishes(request)
        self._check_app(app_id)
        instance = self._state.instances.get(ids.instance_of(task_id) or "")
        if instance is None or instance.app_id != app_id:
            raise Unknown.task(task_id)
        return await self._kill(request, [instance.id], is_single=True)

    async def delete_listed(self, request: Request) -> Response:
        """End tasks of any apps by their ids; those that do not exist are passed over."""
        instance_ids = []
        for task_id in read(TaskIds, await request.body()).ids:
            instance_id = ids.instance_of(task_id)
            if instance_id is None:
                raise BadRequest(f"Invalid task id '{task_id}'.")
            instance_ids.append(instance_id)
        return await self._kill(request, list(dict.fromkeys(instance_ids)))

    async def _kill(
        self, request: Request, instance_ids: list[str], is_single: bool = False
    ) -> Response:
        command = KillInstances(
            instance_ids=instance_ids,
            scales_down=params.flag(request, "scale"),
            wipes=params.flag(request, "wipe"),
            force=params.flag(request, "force"),
        )
        outcome = await self._backend.ask(command, params.deadline(request))
        if isinstance(outcome, Deployed):
            deployment = outcome.deployment
            content = {"version": deployment.version, "deploymentId": deployment.id}
            return json_response(content, headers={"Marathon-Deployment-Id": deployment.id})
        killed = outcome.instances if isinstance(outcome, Killed) else []
        instances = [instance for instance in killed if not instance.tasks]  # pods show none here
        if is_single and instances:
            return json_response({"task": self._task(instances[0], False)})
        return self._tasks(instances)

    def _tasks(
        self,
        instances: Sequence[Instance],
        with_service_ports: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        tasks = [
            self._task(instance, with_service_ports)
            for instance in instances
            if views.is_shown(instance)
        ]
        return json_response({"tasks": tasks}, headers=headers)

    def _task(self, instance: Instance, with_service_ports: bool) -> views.Task:
        app = self._state.app_of(instance)
        healths = self._state.health.of(instance.id)
        return views.task(instance, app, with_service_ports, healths)

    def _check_app(self, app_id: str) -> None:
        if app_id not in self._state.apps:
            raise Unknown.app(app_id)

    def _table(self) -> str:
        """One line a service port: app, port, host:port of each running task."""
        lines = []
        for app in self._state.apps.values():
            running = [
                instance
                for instance in self._state.instances_of(app.id)
                if instance.condition is Condition.RUNNING and instance.place is not None
            ]
            hosts = [instance.place.host for instance in running if instance.place]
            name = app.id.strip("/").replace("/", "_")
            if not app.service_ports:
                lines.append(f"{name}\t \t" + "".join(f"{host} " for host in hosts))
            for index, port in enumerate(app.service_ports):
                ends = [
                    f"{host}:{instance.host_ports[index]}\t"
                    for host, instance in zip(hosts, running, strict=True)
                    if index < len(instance.host_ports)
                ]
                lines.append(f"{name}\t{port}\t" + "".join(ends))
        return "".join(line + "\n" for line in lines)


def _check_wishes(request: Request) -> None:
    """Marathon says so before it looks whether there is anything to end. Raises BadRequest."""
    if params.flag(request, "scale") and params.flag(request, "wipe"):
        raise BadRequest("You cannot use scale and wipe at the same time.")


def _prefers_text(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "text/plain" in accept and "application/json" not in accept
