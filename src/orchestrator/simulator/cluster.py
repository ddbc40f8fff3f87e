"""A simulated cluster and its fate: a while of faults, then peace, in which all must come right."""

from __future__ import annotations

import msgspec

from orchestrator.master.config import MasterConfig
from orchestrator.mesos.resource_wire import parse
from orchestrator.simulator.agent import AgentNode
from orchestrator.simulator.faults import Fault, Faults, Node
from orchestrator.simulator.framework_node import FrameworkNode
from orchestrator.simulator.framework_records import Ambition, Hurry
from orchestrator.simulator.kernel import START_S, Kernel
from orchestrator.simulator.marathon import MarathonNode
from orchestrator.simulator.master import MasterNode
from orchestrator.simulator.monitor import Monitor, Violation
from orchestrator.simulator.network import Network
from orchestrator.simulator.operator import Operator
from orchestrator.simulator.surroundings import Parts, Surroundings
from orchestrator.simulator.trace import Trace

PEACE_S = 900.0  # of virtual time, in which everything has to come right
LOOK_S = 5.0  # how often it is looked whether it has
PATIENCE_EVENTS = 200_000  # for the peace; a cluster that never rests is not right either


class Options(msgspec.Struct, frozen=True):
    """How a run goes: ``minutes`` of faults of these kinds (virtual), or ``events`` if given."""

    minutes: float = 1.0
    events: int | None = None
    faults: frozenset[Fault] = frozenset(Fault)
    trace: int | None = 400  # entries kept; None for all


class Outcome(msgspec.Struct, frozen=True):
    """What became of a seed; ``violation`` is None when all was well."""

    seed: int
    events: int
    virtual_s: float
    violation: str | None = None


class Run:
    """One seed."""

    def __init__(
        self, seed: int, options: Options | None = None, parts: Parts | None = None
    ) -> None:
        self.options = options or Options()
        self.seed = seed
        self.kernel = kernel = Kernel(seed)
        self.trace = Trace(kernel, self.options.trace)
        network, monitor = Network(kernel), Monitor()
        self.around = Surroundings(kernel, network, monitor, self.trace, parts or Parts())
        self.master = MasterNode(self.around, _master_config(kernel))
        self.agents = [self._agent(n) for n in range(kernel.random.randint(2, 5))]
        self.frameworks = [self._framework(n) for n in range(kernel.random.randint(1, 3))]
        self.marathon = MarathonNode(self.around, self.master.call) if kernel.chance(0.5) else None
        self.operator = Operator(kernel, self.master)
        self.faults = Faults(self)

    def outcome(self) -> Outcome:
        """Run the seed to its end."""
        violation = None
        try:
            self._run()
        except Violation as found:
            violation = str(found)
        except Exception as error:  # a core that raises is a finding too
            where = _innermost(error)
            violation = f"no core fails: {type(error).__name__}: {error} ({where})"
        if violation is not None:
            self.trace.note("simulator", "!", violation)
        return Outcome(self.seed, self.kernel.events, self.kernel.now - START_S, violation)

    @property
    def schedulers(self) -> list[FrameworkNode | MarathonNode]:
        """All frameworks, Marathon among them if it takes part."""
        return [*self.frameworks, *([self.marathon] if self.marathon else [])]

    @property
    def nodes(self) -> list[Node]:
        """All but the master."""
        return [*self.agents, *self.schedulers]

    # --- the course of a run -------------------------------------------------------------------

    def _run(self) -> None:
        self.master.start()
        for node in self.nodes:
            self.kernel.after(self.kernel.between(0.0, 2.0), node.start)
        self.faults.begin()
        most = self.options.events or 10**9
        self.kernel.run(START_S + self.options.minutes * 60.0, most)
        self.faults.end()
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        for framework in self.frameworks:
            framework.tell(Hurry())
        limit = self.kernel.events + PATIENCE_EVENTS
        peace_ends_at = self.kernel.now + PEACE_S
        while unrest := self._unrest():
            self.operator.settle()
            for agent in self.agents:
                agent.start()  # one that has left
            if self.kernel.now >= peace_ends_at or self.kernel.events >= limit:
                raise Violation("all comes right in the end", unrest)
            self.kernel.run(self.kernel.now + LOOK_S, limit)

    def _unrest(self) -> str | None:
        """What is not yet as it should be, when nothing goes wrong any more."""
        core = self.master.core
        if core is None:
            return "there is no master"
        self.around.monitor.check_frameworks(core.cluster)
        for agent in self.agents:
            if agent.core is None or not agent.core.registration.is_registered:
                return f"{agent.name} is not registered"
            if any(task.updates for task in agent.core.book.tasks()):
                return f"{agent.name} has updates that nobody acknowledges"
        schedulers = self.schedulers
        for framework in schedulers:
            if not framework.is_content:
                return f"{framework.name} does not have what it wants"
        if torn := self.around.monitor.torn_group():
            return f"only a part of a task group runs: {torn}"
        for one in core.cluster.agents.values():
            there = {executor for _, executor in one.executors}
            if there != {task.executor_id for task in one.tasks.values() if task.executor_id}:
                return f"{one.id} has executors without tasks, or tasks without"
        running = set(self.around.monitor.running)
        booked = {key for agent in core.cluster.agents.values() for key in agent.tasks}
        wanted: set[tuple[str, str]] = set().union(*(f.live for f in schedulers))
        if running != booked or running != wanted:
            return f"books differ: {_differences(running, booked, wanted)}"
        return None

    # --- who takes part ------------------------------------------------------------------------

    def _agent(self, number: int) -> AgentNode:
        random = self.kernel.random
        cpus, mem = random.choice([4, 8]), random.choice([1024, 4096])
        has = parse(f"cpus:{cpus};mem:{mem};disk:1000;ports:[31000-31099]")
        return AgentNode(self.around, f"agent{number}", has, failing=random.choice([0.0, 0.1]))

    def _framework(self, number: int) -> FrameworkNode:
        random = self.kernel.random
        in_groups = random.random() < 0.4
        ambition = Ambition(
            name=f"framework{number}",
            roles=random.choice([("*",), ("web",), ("web", "batch"), ("web/shop",)]),
            # What executors take leaves parts of CPUs over: then there has to be room for that.
            services=max(0, random.randint(0, len(self.agents)) - in_groups),
            batches=random.randint(0, 6),
            is_partition_aware=random.random() < 0.5,
            failover_timeout_s=random.choice([20.0, 60.0]),
            think_s=random.choice([0.0, 0.0, 0.5, 30.0]),
            in_groups=in_groups,
        )
        return FrameworkNode(self.around, ambition, self.master.call)


def _master_config(kernel: Kernel) -> MasterConfig:
    """Timeouts short enough that a run of a minute meets them all."""
    return MasterConfig(
        agent_ping_timeout_s=2.0,
        max_agent_ping_timeouts=3,
        agent_reregister_timeout_s=20.0,
        heartbeat_interval_s=5.0,
        offer_timeout_s=kernel.random.choice([0.0, 10.0]),
        max_completed_tasks_per_framework=kernel.random.choice([2, 1000]),
    )


def _differences(
    running: set[tuple[str, str]], booked: set[tuple[str, str]], wanted: set[tuple[str, str]]
) -> str:
    def names(keys: set[tuple[str, str]]) -> str:
        return ", ".join(sorted(task for _, task in keys)) or "none"

    return (
        f"running but not in the master's books: {names(running - booked)}; "
        f"in them but not running: {names(booked - running)}; "
        f"running but not wanted: {names(running - wanted)}; "
        f"wanted but not running: {names(wanted - running)}"
    )


def _innermost(error: BaseException) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "nowhere"
    code = traceback.tb_frame.f_code
    return f"{code.co_filename.rpartition('orchestrator/')[2]}:{traceback.tb_lineno} {code.co_name}"
