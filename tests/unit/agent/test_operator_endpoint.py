"""The operator endpoint where no socket is needed: who may call it, and when."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import Message
from tests.unit.agent.world import World, executor_info, task_info

from orchestrator.agent.adapters.api.v1 import OperatorApi
from orchestrator.agent.adapters.api.v1_guard import Guard, is_loopback
from orchestrator.agent.adapters.api.v1_views import wait_container, whole
from orchestrator.agent.core.messages import LinkLost, LinkOpened
from orchestrator.agent.core.task import Exit
from orchestrator.mesos import codec
from orchestrator.mesos.agent_api import CallType
from orchestrator.mesos.calls import OperatorError
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    Environment,
    EnvironmentVariable,
    Secret,
    SecretValue,
    TaskState,
    Volume,
    VolumeSource,
)


def request(**headers: str) -> Request:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/api/v1", "headers": pairs})


async def test_an_agent_that_recovers_asks_for_patience() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    guard = Guard("127.0.0.1", is_enabled=False)
    endpoint = OperatorApi(World().agent, None, None, guard)  # type: ignore[arg-type]
    await endpoint(request().scope, receive, send)
    assert sent[0]["status"] == 503
    assert sent[1]["body"] == b"Agent has not finished recovery"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_only_loopback_addresses_are_of_this_machine_alone(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


@pytest.mark.parametrize("type_", list(CallType))
def test_only_what_touches_tasks_is_guarded(type_: CallType) -> None:
    touches = type_.value.startswith(("LAUNCH", "KILL", "ATTACH_CONTAINER_INPUT"))
    closed, open_ = Guard("0.0.0.0", is_enabled=False), Guard("0.0.0.0", is_enabled=True)
    open_.check(request(), type_)
    for guard, asked in ((closed, request()), (open_, request(origin="http://evil.example"))):
        if touches:
            with pytest.raises(OperatorError) as refused:
                guard.check(asked, type_)
            assert refused.value.status == 403
        else:
            guard.check(asked, type_)


@pytest.mark.parametrize(
    ("exit_", "status", "state"),
    [
        (Exit(code=0), 0, TaskState.FINISHED),
        (Exit(code=7), 7 << 8, TaskState.FAILED),
        (Exit(signal=9), 9, TaskState.FAILED),
        (Exit(problem="nobody knows"), None, TaskState.FAILED),
    ],
)
def test_an_exit_is_told_as_waitpid_tells_it(
    exit_: Exit, status: int | None, state: TaskState
) -> None:
    told = wait_container(exit_)
    assert (told.exit_status, told.state, told.message) == (status, state, exit_.problem)


def test_secrets_that_came_by_value_are_shown_to_nobody() -> None:
    secret = Secret(type="VALUE", value=SecretValue(data=b"hidden"))
    variable = EnvironmentVariable(name="S", type="SECRET", secret=secret)
    command = CommandInfo(value="true", environment=Environment(variables=[variable]))
    volume = Volume(container_path="key", source=VolumeSource(type="SECRET", secret=secret))
    container = ContainerInfo(type="MESOS", volumes=[volume])
    executor = replace(executor_info(), command=command, container=container)
    world = World().is_up()
    world.runs(task_info("t1", command=command, container=container))
    world.runs_in(executor, task_info("t2"))
    shown = codec.encode(whole(world.agent))
    world.happens(LinkLost(reason="", jitter=0.0))
    world.passes(60)
    world.happens(LinkOpened())
    for text in (shown, codec.encode(world.registration())):
        assert b"aGlkZGVu" not in text  # its base64
        assert b'"S"' in text
