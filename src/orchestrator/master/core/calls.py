"""The calls of subscribed frameworks, each to who deals with it.

``Call.problem`` has made sure that the body which a call's type names is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.master.core import answers, frameworks, inverse_offers, operations, tasks
from orchestrator.master.core.inverse_offers import Answer
from orchestrator.master.core.records import Framework
from orchestrator.master.core.state import State
from orchestrator.mesos.link import FrameworkToExecutor, ShutdownExecutor
from orchestrator.mesos.scheduler import Call, CallType, FrameworkMessage, Roles, Shutdown
from orchestrator.mesos.types import FrameworkID

T = TypeVar("T")
Handler = Callable[[State, Framework, Call], None]

_MESSAGE_COUNTERS = {
    CallType.DECLINE: "messages_decline_offers",
    CallType.ACCEPT: "messages_launch_tasks",
    CallType.KILL: "messages_kill_task",
    CallType.RECONCILE: "messages_reconcile_tasks",
    CallType.REVIVE: "messages_revive_offers",
    CallType.SUPPRESS: "messages_suppress_offers",
    CallType.TEARDOWN: "messages_unregister_framework",
    CallType.ACKNOWLEDGE: "messages_status_update_acknowledgement",
    CallType.MESSAGE: "messages_framework_to_executor",
    CallType.REQUEST: "messages_resource_request",
}


def obey(state: State, framework: Framework, call: Call) -> None:
    """Carry out a call other than SUBSCRIBE and UPDATE_FRAMEWORK."""
    if counter := _MESSAGE_COUNTERS.get(call.type):
        state.counters[counter] += 1
    if handler := _HANDLERS.get(call.type):
        handler(state, framework, call)


def _given(body: T | None) -> T:
    if body is None:
        raise LookupError("a call without its body was let through")
    return body


def _roles(body: Roles | None) -> list[str]:
    return body.roles if body else []


def _to_executor(state: State, framework: Framework, body: FrameworkMessage) -> None:
    agent = state.cluster.agents.get(body.agent_id.value)
    if agent is not None:
        message = FrameworkToExecutor(
            framework_id=FrameworkID(value=framework.id),
            executor_id=body.executor_id,
            data=body.data,
        )
        state.order(agent, message)


def _shut_down_executor(state: State, framework: Framework, body: Shutdown) -> None:
    agent = state.cluster.agents.get(body.agent_id.value)
    if agent is not None:
        message = ShutdownExecutor(
            framework_id=FrameworkID(value=framework.id), executor_id=body.executor_id
        )
        state.order(agent, message)


# REQUEST has no handler: it is a hint, which this allocator does not take.
_HANDLERS: dict[CallType, Handler] = {
    CallType.ACKNOWLEDGE: lambda s, f, c: tasks.acknowledge(s, f, _given(c.acknowledge)),
    CallType.ACCEPT: lambda s, f, c: answers.accept(s, f, _given(c.accept)),
    CallType.DECLINE: lambda s, f, c: answers.decline(s, f, _given(c.decline)),
    CallType.KILL: lambda s, f, c: tasks.kill(s, f, _given(c.kill)),
    CallType.RECONCILE: lambda s, f, c: tasks.reconcile(s, f, _given(c.reconcile).tasks),
    CallType.REVIVE: lambda s, f, c: frameworks.revive(s, f, _roles(c.revive)),
    CallType.SUPPRESS: lambda s, f, c: frameworks.suppress(s, f, _roles(c.suppress)),
    CallType.MESSAGE: lambda s, f, c: _to_executor(s, f, _given(c.message)),
    CallType.SHUTDOWN: lambda s, f, c: _shut_down_executor(s, f, _given(c.shutdown)),
    CallType.TEARDOWN: lambda s, f, _: frameworks.remove(s, f),
    CallType.ACCEPT_INVERSE_OFFERS: lambda s, f, c: inverse_offers.answered(
        s, f, _given(c.accept_inverse_offers), Answer.ACCEPT
    ),
    CallType.DECLINE_INVERSE_OFFERS: lambda s, f, c: inverse_offers.answered(
        s, f, _given(c.decline_inverse_offers), Answer.DECLINE
    ),
    CallType.ACKNOWLEDGE_OPERATION_STATUS: lambda s, f, c: operations.acknowledge(
        s, f, _given(c.acknowledge_operation_status)
    ),
    CallType.RECONCILE_OPERATIONS: lambda s, f, c: operations.reconcile(
        s, f, _given(c.reconcile_operations).operations
    ),
}
