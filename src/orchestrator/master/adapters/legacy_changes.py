"""The endpoints before the operator API that change something: forms and JSON instead of calls.

Each is turned into the call that replaced it, so both do the same. Source: the routes of
src/master/master.cpp and their handlers in src/master/*_handler.cpp of Mesos 1.11.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.master.adapters import v1_calls
from orchestrator.master.adapters.pages import Handler, with_callback
from orchestrator.master.adapters.service import Service
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import codec, operator
from orchestrator.mesos.operator import Call, CallType
from orchestrator.mesos.types import AgentID, FrameworkID, MachineID, MaintenanceSchedule, Resource
from orchestrator.runtime.http import plain_error

T = TypeVar("T")
Read = Callable[[Request], Awaitable[Call]]


def legacy_changes(service: Service) -> list[Route]:
    """The routes, each with and without the ``/master`` prefix."""
    posts: Mapping[str, tuple[Read, int]] = {
        "/reserve": (_reserve, 202),
        "/unreserve": (_unreserve, 202),
        "/create-volumes": (_create, 202),
        "/destroy-volumes": (_destroy, 202),
        "/teardown": (_teardown, 200),
        "/machine/down": (_machine_down, 200),
        "/machine/up": (_machine_up, 200),
        "/maintenance/schedule": (_schedule, 200),
        "/quota": (_set_quota, 200),
    }
    gets: Mapping[str, tuple[CallType, Callable[[operator.Response], object]]] = {
        "/maintenance/schedule": (CallType.GET_MAINTENANCE_SCHEDULE, _shown_schedule),
        "/maintenance/status": (CallType.GET_MAINTENANCE_STATUS, _shown_status),
        "/quota": (CallType.GET_QUOTA, _shown_quota),
        "/weights": (CallType.GET_WEIGHTS, _shown_weights),
    }
    return [
        route
        for prefix in ("", "/master")
        for route in (
            *(_route(prefix + p, "POST", _changing(service, *how)) for p, how in posts.items()),
            *(_route(prefix + p, "GET", _showing(service, *how)) for p, how in gets.items()),
            _route(prefix + "/weights", "PUT", _changing(service, _set_weights, 200)),
            _route(prefix + "/quota/{role:path}", "DELETE", _changing(service, _no_quota, 200)),
        )
    ]


def _route(path: str, method: str, handler: Handler) -> Route:
    return Route(path, handler, methods=[method])


def _changing(service: Service, read: Read, status: int) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            await v1_calls.do(service, await read(request))
        except OperatorError as refusal:
            return plain_error(refusal.status, refusal.message)
        return Response(status_code=status)

    return answer


def _showing(
    service: Service, type_: CallType, show: Callable[[operator.Response], object]
) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            found = await v1_calls.do(service, Call(type=type_))
        except OperatorError as refusal:
            return plain_error(refusal.status, refusal.message)
        assert found is not None
        return with_callback(request, show(found))

    return answer


# --- what comes in -------------------------------------------------------------------------------


async def _form(request: Request, *names: str) -> list[str]:
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=100)
    except ValueError as error:
        raise OperatorError(400, f"Unable to decode query string: {error}") from None
    for name in names:
        if name not in fields:
            raise OperatorError(400, f"Missing '{name}' query parameter in the request body")
    return [fields[name][-1] for name in names]


def _json(type_: type[T], text: str | bytes, what: str) -> T:
    try:
        return codec.decode(type_, text)
    except codec.DecodeError as error:
        raise OperatorError(400, f"Error in parsing '{what}': {error}") from None


async def _resources(request: Request, name: str) -> tuple[AgentID, list[Resource]]:
    agent_id, text = await _form(request, "slaveId", name)
    return AgentID(value=agent_id), _json(list[Resource], text, name)


async def _reserve(request: Request) -> Call:
    agent_id, resources = await _resources(request, "resources")
    body = operator.ReserveResources(agent_id=agent_id, resources=resources)
    return Call(type=CallType.RESERVE_RESOURCES, reserve_resources=body)


async def _unreserve(request: Request) -> Call:
    agent_id, resources = await _resources(request, "resources")
    body = operator.UnreserveResources(agent_id=agent_id, resources=resources)
    return Call(type=CallType.UNRESERVE_RESOURCES, unreserve_resources=body)


async def _create(request: Request) -> Call:
    agent_id, volumes = await _resources(request, "volumes")
    body = operator.Volumes(agent_id=agent_id, volumes=volumes)
    return Call(type=CallType.CREATE_VOLUMES, create_volumes=body)


async def _destroy(request: Request) -> Call:
    agent_id, volumes = await _resources(request, "volumes")
    body = operator.Volumes(agent_id=agent_id, volumes=volumes)
    return Call(type=CallType.DESTROY_VOLUMES, destroy_volumes=body)


async def _teardown(request: Request) -> Call:
    (framework_id,) = await _form(request, "frameworkId")
    body = operator.Teardown(framework_id=FrameworkID(value=framework_id))
    return Call(type=CallType.TEARDOWN, teardown=body)


async def _machines(request: Request) -> operator.Machines:
    return operator.Machines(machines=_json(list[MachineID], await request.body(), "machines"))


async def _machine_down(request: Request) -> Call:
    return Call(type=CallType.START_MAINTENANCE, start_maintenance=await _machines(request))


async def _machine_up(request: Request) -> Call:
    return Call(type=CallType.STOP_MAINTENANCE, stop_maintenance=await _machines(request))


async def _schedule(request: Request) -> Call:
    schedule = _json(MaintenanceSchedule, await request.body(), "schedule")
    body = operator.UpdateMaintenanceSchedule(schedule=schedule)
    return Call(type=CallType.UPDATE_MAINTENANCE_SCHEDULE, update_maintenance_schedule=body)


async def _set_quota(request: Request) -> Call:
    wanted = _json(operator.QuotaRequest, await request.body(), "quota request")
    return Call(type=CallType.SET_QUOTA, set_quota=operator.SetQuota(quota_request=wanted))


async def _no_quota(request: Request) -> Call:
    body = operator.RemoveQuota(role=request.path_params["role"])
    return Call(type=CallType.REMOVE_QUOTA, remove_quota=body)


async def _set_weights(request: Request) -> Call:
    infos = _json(list[operator.WeightInfo], await request.body(), "weights")
    return Call(
        type=CallType.UPDATE_WEIGHTS, update_weights=operator.UpdateWeights(weight_infos=infos)
    )


# --- what is shown -------------------------------------------------------------------------------


def _shown_schedule(of: operator.Response) -> object:
    return of.get_maintenance_schedule.schedule if of.get_maintenance_schedule else None


def _shown_status(of: operator.Response) -> object:
    return of.get_maintenance_status.status if of.get_maintenance_status else None


def _shown_quota(of: operator.Response) -> object:
    return of.get_quota.status if of.get_quota else None


def _shown_weights(of: operator.Response) -> object:
    return of.get_weights.weight_infos if of.get_weights else None
