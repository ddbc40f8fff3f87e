"""Frameworks coming, failing over, staying away too long and leaving."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.master.core import announce, executors, inverse_offers, offers, tasks
from orchestrator.master.core.commands import ChangeFramework
from orchestrator.master.core.constraints import problem as constraints_problem
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import CloseStream, FrameworkSubscribed, ToFramework
from orchestrator.master.core.records import Framework
from orchestrator.master.core.state import State, Timer
from orchestrator.master.core.validation import framework_problem
from orchestrator.mesos import scheduler
from orchestrator.mesos.link import ShutdownFramework, UpdateFramework
from orchestrator.mesos.scheduler import Error, Event, EventType, Subscribed
from orchestrator.mesos.types import FrameworkID, FrameworkInfo


def subscribe(state: State, request: FrameworkSubscribed) -> None:
    """Register a framework, or let one continue on a new stream."""
    info = request.info
    if info.id is not None and not info.id.value:  # to Mesos an empty id is none
        info = replace(info, id=None)
    problem = _problem(state, info) or constraints_problem(request.constraints)
    if problem is not None:
        refuse_stream(state, request.stream, problem)
        return
    framework_id = info.id.value if info.id else state.new_id("F")
    info = replace(info, id=FrameworkID(value=framework_id))
    framework = state.cluster.frameworks.get(framework_id)
    is_new = framework is None
    if framework is None:
        framework = Framework(id=framework_id, info=info, registered_at=state.now)
        state.cluster.frameworks[framework_id] = framework
        state.counters["messages_register_framework"] += 1
    else:
        _fail_over(state, framework, info)
        state.counters["messages_reregister_framework"] += 1
    _connect(state, framework, request)
    tell_watchers = announce.framework_added if is_new else announce.framework_updated
    tell_watchers(state, framework)


def _problem(state: State, info: FrameworkInfo) -> str | None:
    if problem := framework_problem(info):
        return problem
    if info.id is None or info.id.value not in state.cluster.frameworks:
        if info.id is not None and info.id.value in state.cluster.completed:
            return "Framework has been removed"
        if len(state.cluster.frameworks) >= state.config.max_frameworks:
            return f"There are {state.config.max_frameworks} frameworks already"
        return None
    known = state.cluster.frameworks[info.id.value].info
    if known.principal != info.principal:
        return f"Changing principal from '{known.principal}' to '{info.principal}' is forbidden"
    return None


def refuse_stream(state: State, stream: str, problem: str) -> None:
    """Answer a subscription with ERROR and end it."""
    error = Event(type=EventType.ERROR, error=Error(message=problem))
    state.effects += [ToFramework(stream, error), CloseStream(stream)]


def _fail_over(state: State, framework: Framework, info: FrameworkInfo) -> None:
    if framework.stream is not None:
        refuse_stream(state, framework.stream, "Framework failed over")
    framework.reregistered_at = None if framework.is_recovered else state.now
    framework.is_recovered = False
    # As in Mesos, these two stay what they were; whoever wants others registers anew.
    info = replace(info, user=framework.info.user, checkpoint=framework.info.checkpoint)
    framework.info = info
    _withdraw_offers(state, framework)
    framework.forget_empty_roles()
    for agent_id in framework.agent_ids:
        state.order(state.cluster.agents[agent_id], UpdateFramework(framework=info))


def _connect(state: State, framework: Framework, request: FrameworkSubscribed) -> None:
    state.cluster.open_stream(framework, request.stream)
    framework.disconnected_at = None
    framework.suppressed = set(request.suppressed_roles) & set(framework.roles)
    framework.constraints = request.constraints
    state.filters.clear(framework.id)
    inverse_offers.withdraw(state, framework.id)
    state.timers.cancel((Timer.FRAMEWORK_FAILOVER, framework.id))
    interval_s = state.config.heartbeat_interval_s
    subscribed = Subscribed(
        framework_id=FrameworkID(value=framework.id),
        heartbeat_interval_seconds=interval_s,
        master_info=state.info,
    )
    state.tell(framework, Event(type=EventType.SUBSCRIBED, subscribed=subscribed))
    state.timers.set((Timer.FRAMEWORK_HEARTBEAT, framework.id), state.now + interval_s)
    state.reallocate_all()
    inverse_offers.ask_to_leave(state, state.cluster.agents.values())


def heartbeat(state: State, framework_id: str) -> None:
    """Show a framework that its stream is alive, and go on doing so."""
    framework = state.cluster.frameworks.get(framework_id)
    if framework is not None and framework.is_connected:
        state.tell(framework, Event(type=EventType.HEARTBEAT))
        key = (Timer.FRAMEWORK_HEARTBEAT, framework_id)
        state.timers.set(key, state.now + state.config.heartbeat_interval_s)


def disconnect(state: State, stream: str) -> None:
    """Wait for a framework whose stream ended, as long as it asked for."""
    framework = state.cluster.streams.get(stream)
    if framework is None:
        return  # it has failed over to another stream already
    state.cluster.close_stream(framework)
    framework.disconnected_at = state.now
    _withdraw_offers(state, framework)
    await_return(state, framework)
    announce.framework_updated(state, framework)


def await_return(state: State, framework: Framework, not_before: float = 0.0) -> None:
    """Give a framework its failover timeout to subscribe again."""
    deadline = max(not_before, state.now + framework.info.failover_timeout)
    state.timers.set((Timer.FRAMEWORK_FAILOVER, framework.id), deadline)


def _withdraw_offers(state: State, framework: Framework) -> None:
    for offer_id in list(framework.offers):
        offers.take_back(state, state.cluster.offers[offer_id], tell=False)


def recover(state: State, info: FrameworkInfo, *, is_awaited: bool) -> Framework | None:
    """A framework as an agent describes it; one new here is expected to subscribe again.

    Where the agent is one of the registry, it is the master that has failed over: then the
    framework has at least as long as agents have. With a timeout of 0 it would end, and its tasks
    with it, if only one of its agents were faster than the framework.

    None for a framework that is over, or that cannot be taken.
    """
    if info.id is None or info.id.value in state.cluster.completed:
        return None
    framework = state.cluster.frameworks.get(info.id.value)
    has_room = len(state.cluster.frameworks) < state.config.max_frameworks
    if framework is None and has_room and framework_problem(info) is None:
        framework = Framework(
            id=info.id.value,
            info=info,
            registered_at=state.now,
            disconnected_at=state.now,
            is_recovered=True,
        )
        state.cluster.frameworks[framework.id] = framework
        grace_s = state.config.agent_reregister_timeout_s if is_awaited else 0.0
        await_return(state, framework, not_before=state.started_at + grace_s)
        announce.framework_added(state, framework)
    return framework


def remove(state: State, framework: Framework) -> None:
    """End a framework: its tasks are killed, nothing more is kept but its history."""
    _withdraw_offers(state, framework)
    inverse_offers.forget_framework(state, framework.id)
    message = ShutdownFramework(framework_id=FrameworkID(value=framework.id))
    for agent_id in framework.agent_ids:
        state.order(state.cluster.agents[agent_id], message)
    executors.forget(state, framework.executors.values())
    for task in list(framework.tasks.values()):
        tasks.end_with_framework(state, task)
    if framework.stream is not None:
        state.effects.append(CloseStream(framework.stream))
        state.cluster.close_stream(framework)
    framework.unregistered_at = state.now
    state.filters.clear(framework.id)
    for kind in (Timer.FRAMEWORK_FAILOVER, Timer.FRAMEWORK_HEARTBEAT):
        state.timers.cancel((kind, framework.id))
    del state.cluster.frameworks[framework.id]
    _archive(state, framework)
    announce.framework_removed(state, framework)


def _archive(state: State, framework: Framework) -> None:
    completed = state.cluster.completed
    completed[framework.id] = framework
    while len(completed) > state.config.max_completed_frameworks:
        del completed[next(iter(completed))]


def change(state: State, command: ChangeFramework) -> None:
    """UPDATE_FRAMEWORK: all of it or nothing. Raises OperatorError.

    What is offered in roles that the framework leaves is rescinded; user, principal and
    checkpointing cannot change.
    """
    framework = state.cluster.frameworks.get(command.framework_id)
    if framework is None:
        raise OperatorError(400, "Framework cannot be found")
    update = command.update
    info = replace(update.framework_info, id=FrameworkID(value=framework.id))
    if problem := _problem_with_change(framework, info, update):
        raise OperatorError(400, problem)
    state.filters.clear(framework.id, set(framework.roles) - set(info.roles or [info.role]))
    framework.info = info
    framework.suppressed = set(update.suppressed_roles)
    framework.constraints = update.offer_constraints
    for offer_id in list(framework.offers):
        if state.cluster.offers[offer_id].role not in framework.roles:
            offers.take_back(state, state.cluster.offers[offer_id], tell=True)
    framework.forget_empty_roles()
    for agent_id in framework.agent_ids:
        state.order(state.cluster.agents[agent_id], UpdateFramework(framework=info))
    announce.framework_updated(state, framework)
    state.reallocate_all()


def _problem_with_change(
    framework: Framework, info: FrameworkInfo, update: scheduler.UpdateFramework
) -> str | None:
    for field in ("principal", "user", "checkpoint"):
        if getattr(info, field) != getattr(framework.info, field):
            return f"Updating 'FrameworkInfo.{field}' is unsupported"
    if problem := framework_problem(info):
        return problem
    roles = info.roles or [info.role]
    if strange := sorted(set(update.suppressed_roles) - set(roles)):
        return f"Suppressed role '{strange[0]}' is not one of the framework's roles"
    return constraints_problem(update.offer_constraints)


def suppress(state: State, framework: Framework, roles: list[str]) -> None:
    """Offer a framework nothing in these roles (all of its own if none is named)."""
    framework.suppressed |= set(roles or framework.roles) & set(framework.roles)


def revive(state: State, framework: Framework, roles: list[str]) -> None:
    """Offer again in these roles, and forget what was refused in them."""
    wanted = roles or framework.roles
    framework.suppressed -= set(wanted)
    state.filters.clear(framework.id, wanted)
    state.reallocate_all()
    inverse_offers.clear_filters(state, framework.id)
    inverse_offers.ask_to_leave(state, state.cluster.agents.values())
