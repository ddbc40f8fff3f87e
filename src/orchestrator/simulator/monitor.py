"""What must hold at every moment, whatever goes wrong.

The monitor stands outside of the cluster and sees what no node sees: every process that starts,
every update that is sent, and what each framework has made durable before it acknowledged. It is
told of each of these, and looks at the books of a node after each of the node's turns; what costs
much (summing resources) is done only for agents whose books changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NoReturn

from orchestrator.agent.core.agent import Agent as AgentCore
from orchestrator.master.core.cluster import Cluster
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.mesos.resources import EMPTY, Resources, total
from orchestrator.mesos.scheduler import Event
from orchestrator.mesos.types import TaskState, TaskStatus

TaskKey = tuple[str, str]  # framework id, task id

# What is final in every framework's eyes. The others that Mesos calls terminal may be a guess of
# the master: TASK_LOST stands for TASK_UNREACHABLE and TASK_UNKNOWN where nobody knows these.
FINAL = frozenset(
    {
        TaskState.FINISHED,
        TaskState.FAILED,
        TaskState.KILLED,
        TaskState.ERROR,
        TaskState.DROPPED,
        TaskState.GONE,
    }
)
_TEARING = frozenset({TaskState.FAILED, TaskState.KILLED})  # ends the rest of a task group
_ABSENT = frozenset({TaskState.UNKNOWN, TaskState.GONE, TaskState.DROPPED})
_LIVE = frozenset({TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING})


class Violation(Exception):  # noqa: N818 - it is what is looked for, not an error of the simulator
    """An invariant does not hold; ``invariant`` names it in a few words."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


class Monitor:
    """Sees everything, and raises Violation."""

    def __init__(self) -> None:
        self.running: dict[TaskKey, str] = {}  # where each task's process is
        self.sent: dict[str, set[bytes]] = {}  # by agent: updates that left it, not yet settled
        self._settled: dict[str, set[bytes]] = {}  # by agent: acknowledged, never to be sent again
        self._started: dict[TaskKey, str] = {}
        self._acknowledged: set[bytes] = set()
        self._final: dict[TaskKey, TaskState] = {}
        self._groups: list[set[TaskKey]] = []
        self._offered: dict[str, Resources] = {}  # by role with quota
        self._books: dict[str, tuple[Resources, Resources, int, int]] = {}

    # --- machines ------------------------------------------------------------------------------

    def started(self, key: TaskKey, machine: str) -> None:
        """A task's process began to run."""
        if key in self._started:
            _fail("a task is started once", f"{key[1]} on {machine}, and on {self._started[key]}")
        self._started[key] = self.running[key] = machine

    def ended(self, key: TaskKey) -> None:
        """Nothing of a task's process is left."""
        self.running.pop(key, None)

    def fits(self, machine: str, used: Iterable[Resources], has: Resources) -> None:
        """What runs on a machine is not more than it offers."""
        needed = total(used)
        if needed not in has:
            _fail("an agent never runs more than it has", f"{machine} runs {needed} of {has}")

    # --- agents --------------------------------------------------------------------------------

    def agent_sends(self, agent: str, uuids: Iterable[bytes]) -> None:
        """Updates leave an agent."""
        settled = self._settled.setdefault(agent, set())
        for uuid in uuids:
            if uuid in settled:
                _fail("an acknowledged update is not sent again", f"{agent} sends {uuid.hex()}")
            self.sent.setdefault(agent, set()).add(uuid)

    def look_at_agent(self, name: str, core: AgentCore, under_way: Collection[bytes] = ()) -> None:
        """After a turn of an agent: an update that was sent is kept until it is acknowledged.

        ``under_way`` are updates that it has decided to send and a slow disk still holds up.
        """
        sent = self.sent.get(name)
        if not sent:
            return
        pending = {u.uuid for task in core.book.tasks() for u in task.updates}
        for uuid in sent - pending - set(under_way):
            if uuid not in self._acknowledged:
                _fail("no update is lost", f"{name} forgot {uuid.hex()} without acknowledgement")
            sent.discard(uuid)
            self._settled.setdefault(name, set()).add(uuid)

    def agent_restarts(self, name: str, core: AgentCore) -> None:
        """An agent came back: what it did not remember of acknowledgements, it may send again."""
        pending = {u.uuid for task in core.book.tasks() for u in task.updates if u.uuid}
        again = pending & self._settled.get(name, set())
        self._settled.get(name, set()).difference_update(again)
        self.sent.setdefault(name, set()).update(again)
        self.look_at_agent(name, core)

    def disown(self, uuids: Iterable[bytes]) -> None:
        """Nobody will acknowledge these: their framework is gone, or their agent leaves."""
        self._acknowledged.update(uuids)

    # --- frameworks ----------------------------------------------------------------------------

    def hears(self, framework_id: str, roles: list[str], event: Event) -> None:
        """A framework is told something."""
        if event.update is not None:
            self._hears_status(framework_id, event.update.status)
        for offer in event.offers.offers if event.offers else []:
            role = offer.allocation_info.role if offer.allocation_info else None
            if offer.framework_id.value != framework_id or role not in roles:
                _fail("offers go to their own framework", f"{offer.id.value} to {framework_id}")

    def launches_group(self, keys: set[TaskKey]) -> None:
        """A framework asks for tasks that are to start and end together."""
        self._groups.append(keys)

    def torn_group(self) -> str | None:
        """A group of which tasks run though one of them failed or was killed; None if none is."""
        for keys in self._groups:
            has_ended = any(self._final.get(key) in _TEARING for key in keys)
            if has_ended and (left := sorted(task for _, task in keys & self.running.keys())):
                return ", ".join(left)
        return None

    def acknowledges(self, uuid: bytes) -> None:
        """A framework has dealt with an update, durably."""
        self._acknowledged.add(uuid)

    def _hears_status(self, framework_id: str, status: TaskStatus) -> None:
        key = (framework_id, status.task_id.value)
        final = self._final.get(key)
        if final is not None and status.state in _LIVE:
            _fail("a task that has ended stays ended", f"{key[1]} is {status.state} after {final}")
        if final is None and status.state in FINAL:
            self._final[key] = status.state
        is_absent = status.state in _ABSENT and status.reason != "REASON_AGENT_REMOVED"
        if is_absent and key in self.running:
            what = f"{key[1]} is called {status.state}, and runs on {self.running[key]}"
            _fail("what runs is not called gone", what)

    # --- the master ----------------------------------------------------------------------------

    def master_restarts(self) -> None:
        """A new master begins with empty books."""
        self._books.clear()
        self._offered.clear()

    def look_at_master(self, state: State) -> None:
        """After a turn of the master: its books balance, and no role is offered too much."""
        cluster = state.cluster
        self._look_at_quota(state)
        for agent in cluster.agents.values():
            live = sum(1 for task in agent.tasks.values() if not task.state.is_terminal)
            alive = live + len(agent.executors)
            book = (agent.usage.used, agent.usage.offered, alive, len(agent.offers))
            if self._books.get(agent.id) != book:
                self._check_agent(agent, cluster)
                self._books[agent.id] = book
        if len(self._books) > len(cluster.agents):
            self._books = {id_: book for id_, book in self._books.items() if id_ in cluster.agents}

    def _look_at_quota(self, state: State) -> None:
        """A role above its limit, as by a new limit or tasks that came back, is offered nothing."""
        offered_before, self._offered = self._offered, {}
        for role, quota in state.quotas.items():
            offered, used = _allocated(state.cluster, role)
            self._offered[role] = offered
            for name, limit in quota.limits.items():
                has, before = offered.milli(name), offered_before.get(role, EMPTY).milli(name)
                if has > before and has + used.milli(name) > limit:
                    what = f"{role} is offered {offered} and uses {used}, with {limit} for {name}"
                    _fail("no role is offered more than its limit", what)

    def _check_agent(self, agent: Agent, cluster: Cluster) -> None:
        live = [task for task in agent.tasks.values() if not task.state.is_terminal]
        executors = [executor.resources for executor in agent.executors.values()]
        used = total([*(task.resources for task in live), *executors])
        offered = total(cluster.offers[offer].resources for offer in agent.offers)
        if (used, offered) != (agent.usage.used, agent.usage.offered):
            told = f"{agent.usage.used} used and {agent.usage.offered} offered"
            _fail("resources are accounted", f"{agent.id} has {told}, not {used} and {offered}")
        if used + offered not in agent.resources:
            what = f"{used + offered} of {agent.resources} on {agent.id}"
            _fail("nothing is given away twice", what)
        if agent.offers and not agent.is_connected:
            _fail("an agent that is away is not offered", agent.id)
        for task in agent.tasks.values():
            if cluster.frameworks[task.framework_id].tasks.get(task.task_id) is not task:
                _fail("agents and frameworks agree on tasks", f"{task.task_id} of {agent.id}")

    def check_frameworks(self, cluster: Cluster) -> None:
        """The sums of each framework are those of its tasks and offers (costs more: seldom)."""
        for framework in cluster.frameworks.values():
            live = [task for task in framework.tasks.values() if not task.state.is_terminal]
            executors = [executor.resources for executor in framework.executors.values()]
            charged = (*(task.resources for task in live), *executors)
            used = sum((resources.only_scalars() for resources in charged), EMPTY)
            booked = total(usage.used for usage in framework.usage.values())
            if used != booked:
                _fail("resources are accounted", f"{framework.id} has {booked}, not {used}")
            for task in live:
                if cluster.agents[task.agent_id].tasks.get(task.key) is not task:
                    _fail("agents and frameworks agree on tasks", f"{task.task_id}")


def _allocated(cluster: Cluster, role: str) -> tuple[Resources, Resources]:
    """What a role and those below it are offered, and what they use."""
    usages = [
        usage
        for framework in cluster.frameworks.values()
        for of, usage in framework.usage.items()
        if of == role or of.startswith(f"{role}/")
    ]
    return total(usage.offered for usage in usages), total(usage.used for usage in usages)


def _fail(invariant: str, what: str) -> NoReturn:
    raise Violation(invariant, what)
