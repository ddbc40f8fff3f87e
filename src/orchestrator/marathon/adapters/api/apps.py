"""/v2/apps: definitions, versions, restart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import params
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.paging import etag, page, unchanged
from orchestrator.marathon.adapters.api.views import AppJson
from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_update import AppUpdate, read
from orchestrator.marathon.core.effects import (
    ChangeApps,
    Command,
    CreateApp,
    DeleteApp,
    Deployed,
    RestartApp,
)
from orchestrator.marathon.core.refusals import Refusal, Unknown, Violation, WrongShape
from orchestrator.runtime.http import json_response

_DEPLOYMENT_HEADER = "Marathon-Deployment-Id"
_IMPLIED = {
    "tasks": {"deployments"},
    "failures": {"tasks", "lastTaskFailure", "deployments"},
}


class Apps:
    """The handlers of /v2/apps."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._state = backend.state
        self._json = AppJson(backend.state)

    def routes(self) -> list[Route]:
        """The longer paths come first: an app id may itself have slashes."""
        one = "/v2/apps/{app_id:path}"
        return [
            Route("/v2/apps", self.list_apps, methods=["GET"]),
            Route("/v2/apps", self.create, methods=["POST"]),
            Route("/v2/apps", self.change_many, methods=["PUT", "PATCH"]),
            Route(f"{one}/restart", self.restart, methods=["POST"]),
            Route(f"{one}/versions", self.list_versions, methods=["GET"]),
            Route(f"{one}/versions/{{version}}", self.show_version, methods=["GET"]),
            Route(one, self.show, methods=["GET"]),
            Route(one, self.change, methods=["PUT", "PATCH"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    async def list_apps(self, request: Request) -> Response:
        """All apps, or those that the filters cmd, id and label select, or a page of them."""
        tag = etag(self._backend, self._state.dirty.revision)
        if answer := unchanged(request, tag):
            return answer
        embeds = with_implied(params.embeds(request)) | {"counts", "deployments"}
        is_wanted = _filter(request)
        wanted = [app for app in self._state.apps.values() if is_wanted(app)]
        apps, headers = page(request, wanted)
        content = b'{"apps":' + self._json.apps(apps, embeds, self._now()) + b"}"
        return _json(content, embeds, tag, headers)

    async def show(self, request: Request) -> Response:
        """One app, or those of a group (``/v2/apps/group/*``)."""
        embeds = with_implied(params.embeds(request))
        embeds |= {"counts", "tasks", "lastTaskFailure", "deployments"}
        app_id = params.app_id(request)
        if app_id.endswith("/*"):
            apps, headers = page(request, self._in_group(ids.parent(app_id)))
            content = b'{"*":' + self._json.apps(apps, embeds, self._now()) + b"}"
            return _json(content, embeds, etag(self._backend, self._state.dirty.revision), headers)
        app = self._app(app_id)
        tag = etag(self._backend, self._state.dirty.revision_of(app_id))
        if answer := unchanged(request, tag):
            return answer
        content = b'{"app":' + self._json.app(app, embeds, self._now()) + b"}"
        return _json(content, embeds, tag)

    async def create(self, request: Request) -> Response:
        """A new app."""
        update = read(AppUpdate, await request.body())
        if update.id is None:
            raise WrongShape([Violation("/id", "error.path.missing")])
        force = params.flag(request, "force")
        outcome = await self._deploy(request, CreateApp(update, force, params.client(request)))
        app = self._state.apps.get(ids.canonical(update.id))
        if app is None:  # deleted again meanwhile
            return deployed(outcome, 201)
        headers = {_DEPLOYMENT_HEADER: outcome.deployment.id, "Location": app.id}
        content = self._json.created(app, outcome.deployment.id)
        return Response(content, 201, headers, "application/json")

    async def change(self, request: Request) -> Response:
        """Change an app, or (PUT only) create it."""
        app_id = params.app_id(request)
        update = replace(read(AppUpdate, await request.body()), id=app_id)
        outcome = await self._change(request, [update])
        if app_id in outcome.created:
            return deployed(outcome, 201, {"Location": app_id})
        return deployed(outcome)

    async def change_many(self, request: Request) -> Response:
        """Change or create several apps in one deployment."""
        return deployed(await self._change(request, read(list[AppUpdate], await request.body())))

    async def delete(self, request: Request) -> Response:
        """End an app."""
        force = params.flag(request, "force", default=True)  # as in Marathon since 1.10
        return deployed(await self._deploy(request, DeleteApp(params.app_id(request), force)))

    async def restart(self, request: Request) -> Response:
        """Replace all instances of an app."""
        force = params.flag(request, "force")
        return deployed(await self._deploy(request, RestartApp(params.app_id(request), force)))

    async def list_versions(self, request: Request) -> Response:
        """The versions of an app, newest first."""
        app = self._app(params.app_id(request))
        versions = sorted(self._state.versions.get(app.id, {}), reverse=True)
        return json_response({"versions": versions})

    async def show_version(self, request: Request) -> Response:
        """An app as it was."""
        app_id, version = params.app_id(request), params.version(request)
        app = self._state.versions.get(app_id, {}).get(version)
        if app is None or app_id not in self._state.apps:
            raise Unknown.app(app_id, version)
        return json_response(app)

    async def _change(self, request: Request, updates: list[AppUpdate]) -> Deployed:
        is_put = request.method == "PUT"
        command = ChangeApps(
            updates=updates,
            force=params.flag(request, "force"),
            is_partial=not is_put or params.flag(request, "partialUpdate", default=True),
            may_create=is_put,
            client=params.client(request),
        )
        return await self._deploy(request, command)

    async def _deploy(self, request: Request, command: Command) -> Deployed:
        outcome = await self._backend.ask(command, params.deadline(request))
        if not isinstance(outcome, Deployed):
            raise Refusal("no deployment was made")
        return outcome

    def _now(self) -> float:
        return self._backend.clock.now()

    def _app(self, app_id: str) -> App:
        app = self._state.apps.get(app_id)
        if app is None:
            raise Unknown.app(app_id)
        return app

    def _in_group(self, group_id: str) -> list[App]:
        if group_id not in self._state.groups.by_id:
            raise Unknown.group(group_id)
        return [app for app in self._state.apps.values() if ids.is_within(app.id, group_id)]


def with_implied(embeds: set[str]) -> set[str]:
    """What is asked to be embedded of apps, with all that comes along with it."""
    return embeds.union(*(_IMPLIED.get(embed, set()) for embed in embeds))


def _filter(request: Request) -> Callable[[App], bool]:
    query = request.query_params
    tests: list[Callable[[App], bool]] = []
    if (cmd := query.get("cmd")) is not None:
        tests.append(lambda app: app.cmd is not None and cmd.lower() in app.cmd.lower())
    if (app_id := query.get("id")) is not None:
        tests.append(lambda app: app_id.lower() in app.id)
    if (label := query.get("label")) is not None:
        has_labels = params.label_selector(label)
        tests.append(lambda app: has_labels(app.labels))
    return lambda app: all(test(app) for test in tests)


def _json(
    content: bytes, embeds: Collection[str], tag: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with its ETag, unless it holds what changes by the mere passing of time."""
    all_headers = dict(headers or {})
    if "taskStats" not in embeds:
        all_headers["ETag"] = tag
    return Response(content, 200, all_headers, "application/json")


def deployed(
    outcome: Deployed, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """The answer to a change: the deployment that makes it."""
    deployment = outcome.deployment
    content = {"version": deployment.version, "deploymentId": deployment.id}
    all_headers = {_DEPLOYMENT_HEADER: deployment.id} | (headers or {})
    return Response(msgspec.json.encode(content), status, all_headers, "application/json")
