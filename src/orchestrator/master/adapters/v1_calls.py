"""Carries out operators' calls, whichever endpoint they come from.

Calls that read are answered from the core's state as it is now; calls that change something become
commands and are answered when the change is durable.
"""

from __future__ import annotations

import asyncio

import orchestrator
from orchestrator.master.adapters.service import Service
from orchestrator.master.core import v1_answers, v1_commands
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import operator
from orchestrator.mesos.operator import Call, CallType, ResponseType, facts


async def do(service: Service, call: Call) -> operator.Response | None:
    """Do what a call asks for; None where there is nothing to say. Raises OperatorError."""
    if (answer := v1_answers.answer(service.state, call.type)) is not None:
        return answer
    if (command := v1_commands.command_of(call)) is not None:
        await service.operating.carry_out(command)
        return None
    match call:
        case Call(type=CallType.GET_VERSION):
            version = facts.version(orchestrator.__version__)
            return operator.Response(type=ResponseType.GET_VERSION, get_version=version)
        case Call(type=CallType.GET_METRICS):
            metrics = facts.metrics(service.figures())
            return operator.Response(type=ResponseType.GET_METRICS, get_metrics=metrics)
        case Call(type=CallType.GET_LOGGING_LEVEL):
            level = operator.LoggingLevel(level=service.verbosity.level)
            return operator.Response(type=ResponseType.GET_LOGGING_LEVEL, get_logging_level=level)
        case Call(type=CallType.SET_LOGGING_LEVEL, set_logging_level=body) if body:
            service.verbosity.raise_to(body.level, body.duration.nanoseconds / 1e9)
            return None
        case Call(type=CallType.LIST_FILES, list_files=listed) if listed:
            infos = await asyncio.to_thread(service.files.browse, listed.path)
            files = operator.Files(file_infos=infos)
            return operator.Response(type=ResponseType.LIST_FILES, list_files=files)
        case Call(type=CallType.READ_FILE, read_file=wanted) if wanted:
            return await _read_file(service, wanted)
        case _:
            raise OperatorError(501, f"{call.type} calls are not supported by this master")


async def _read_file(service: Service, wanted: operator.ReadFileCall) -> operator.Response:
    size, data = await asyncio.to_thread(
        service.files.read, wanted.path, wanted.offset, wanted.length
    )
    part = operator.ReadFile(size=size, data=data)
    return operator.Response(type=ResponseType.READ_FILE, read_file=part)
