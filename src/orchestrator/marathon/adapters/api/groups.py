"""/v2/groups: groups of apps, their versions, and what would change them."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api import group_json, params
from orchestrator.marathon.adapters.api.apps import deployed, with_implied
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.api.group_json import GroupJson
from orchestrator.marathon.adapters.api.views import AppJson
from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.effects import Command, Deployed, Planned
from orchestrator.marathon.core.groups.group_changes import target
from orchestrator.marathon.core.groups.group_update import (
    ChangeGroup,
    CreateGroup,
    DeleteGroup,
    GroupSettings,
    GroupUpdate,
    SetGroup,
)
from orchestrator.marathon.core.refusals import Refusal, Unknown
from orchestrator.runtime.http import json_response

_APP_PREFIX = "group.apps."


class Groups:
    """The handlers of /v2/groups."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._state = backend.state
        self._json = AppJson(backend.state)

    def routes(self) -> list[Route]:
        """The longer paths come first: a group id may itself have slashes."""
        return [
            route
            for path in ("/v2/groups", "/v2/groups/{group_id:path}")
            for route in self._of(path)
        ]

    def _of(self, group: str) -> list[Route]:
        return [
            Route(f"{group}/versions", self.list_versions, methods=["GET"]),
            Route(f"{group}/versions/{{version}}", self.show_version, methods=["GET"]),
            Route(f"{group}/versions/{{version}}", self.restore, methods=["PUT"]),
            Route(f"{group}/apps", self.list_apps, methods=["GET"]),
            Route(group, self.show, methods=["GET"]),
            Route(group, self.create, methods=["POST"]),
            Route(group, self.change, methods=["PUT"]),
            Route(group, self.set, methods=["PATCH"]),
            Route(group, self.delete, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """A group with all that is in it, or what ``embed`` names of that."""
        group_id = _group_id(request)
        if group_id not in self._state.groups.by_id:
            raise Unknown.group(group_id)
        write_app = partial(self._json.app, embeds=_app_embeds(request))
        version = self._state.tree_version
        shown = GroupJson(self._state.tree, version, _group_embeds(request), write_app)
        return _json(shown.group(group_id))

    async def list_apps(self, request: Request) -> Response:
        """The apps in a group and in the groups below; none, if there is no such group."""
        apps = group_json.apps_within(self._state.tree, _group_id(request))
        return _json(self._json.apps(apps, _app_embeds(request)))

    async def list_versions(self, request: Request) -> Response:
        """The versions of the tree that have the group, newest first."""
        group_id = _group_id(request)
        if group_id not in self._state.groups.by_id:
            raise Unknown.group(group_id)
        tree, version = self._state.tree, self._state.tree_version
        return json_response(list(self._state.groups.versions(tree, version, group_id)))

    async def show_version(self, request: Request) -> Response:
        """A group as it was: the definitions of its apps, not their tasks."""
        group_id, version = _group_id(request), params.version(request)
        tree = self._state.groups.tree(self._state.tree, self._state.tree_version, version)
        if tree is None or group_id not in tree.groups:
            raise Unknown.group(group_id)
        shown = GroupJson(tree, version, _group_embeds(request), msgspec.json.encode)
        return _json(shown.group(group_id))

    async def create(self, request: Request) -> Response:
        """A new group, with the groups on the way to it."""
        base = _group_id(request)
        update = read(GroupUpdate, await request.body())
        command = CreateGroup(base, update, params.flag(request, "force"))
        return deployed(
            await self._deploy(request, command), 201, {"Location": target(base, update)}
        )

    async def change(self, request: Request) -> Response:
        """A group as it is to be; with ``dryRun``, only what would be done for it."""
        return await self._change(request, read(GroupUpdate, await request.body()))

    async def restore(self, request: Request) -> Response:
        """A group as it was, by the path of its version: the way of older clients."""
        return await self._change(request, GroupUpdate(version=request.path_params["version"]))

    async def set(self, request: Request) -> Response:
        """Whether a top-level group enforces its role."""
        settings = read(GroupSettings, await request.body())
        await self._backend.ask(SetGroup(_group_id(request), settings))
        return Response()

    async def delete(self, request: Request) -> Response:
        """End a group with all that is in it; the root stays, empty."""
        command = DeleteGroup(_group_id(request), params.flag(request, "force"))
        return deployed(await self._deploy(request, command))

    async def _change(self, request: Request, update: GroupUpdate) -> Response:
        is_dry_run = params.flag(request, "dryRun")
        force = params.flag(request, "force")
        command = ChangeGroup(_group_id(request), update, force, is_dry_run)
        outcome = await self._backend.ask(command, params.deadline(request))
        if isinstance(outcome, Planned):
            return json_response({"steps": outcome.steps})
        return deployed(_of_deployment(outcome))

    async def _deploy(self, request: Request, command: Command) -> Deployed:
        return _of_deployment(await self._backend.ask(command, params.deadline(request)))


def _of_deployment(outcome: object) -> Deployed:
    if not isinstance(outcome, Deployed):
        raise Refusal("no deployment was made")
    return outcome


def _group_id(request: Request) -> str:
    return ids.canonical("/" + str(request.path_params.get("group_id", "")))


def _app_embeds(request: Request) -> set[str]:
    wanted = request.query_params.getlist("embed")
    prefixed = [name for name in wanted if name.startswith(_APP_PREFIX)]
    return with_implied({name.removeprefix(_APP_PREFIX) for name in prefixed})


def _group_embeds(request: Request) -> set[str]:
    """What is named; everything if nothing is."""
    wanted = set(request.query_params.getlist("embed"))
    return wanted & group_json.EVERYTHING if wanted else set(group_json.EVERYTHING)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
