"""Which calls of executors are let through to the agent, in Mesos' order of checks.

Source: ``Http::executor`` of src/slave/http.cpp of Mesos 1.11. An executor subscribes again while
the agent still recovers; everything else has to wait until that is done.
"""

from __future__ import annotations

from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.mesos.calls import UNKNOWN_TYPE, Refusal
from orchestrator.mesos.executor import Call, CallType

RECOVERING = Refusal(503, "Agent has not finished recovery")


def check_call(agent: Agent, call: Call) -> Executor | Refusal:
    """The executor that calls, or what is wrong with its call."""
    if call.type is not CallType.SUBSCRIBE and not agent.is_recovered:
        return RECOVERING
    if call.framework_id.value not in agent.book.frameworks:
        return Refusal(400, "Framework cannot be found")
    executor = agent.book.find_executor(call.framework_id.value, call.executor_id.value)
    if executor is None or not executor.is_custom:
        return Refusal(400, "Executor cannot be found")
    if call.type is not CallType.SUBSCRIBE and not executor.has_subscribed:
        return Refusal(403, "Executor is not subscribed")
    return UNKNOWN_TYPE if call.type is CallType.UNKNOWN else executor
