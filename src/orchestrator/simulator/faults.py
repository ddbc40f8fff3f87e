"""What goes wrong, when, and how it is put right.

Every few seconds one fault of the kinds allowed strikes somewhere. What it breaks is mended after a
while of its own; ``end`` mends everything at once.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from orchestrator.simulator.agent import AgentNode
from orchestrator.simulator.framework_node import FrameworkNode
from orchestrator.simulator.framework_records import KillOne, Retire, Scale
from orchestrator.simulator.marathon import MarathonNode
from orchestrator.simulator.process import Disk
from orchestrator.simulator.surroundings import MASTER

if TYPE_CHECKING:
    from orchestrator.simulator.cluster import Run

INTERVAL_S = 4.0  # on average
OUTAGE_S = (0.05, 15.0)
LONG_OUTAGE_S = (15.0, 45.0)


class Fault(StrEnum):
    """The kinds of fault."""

    MASTER = "master"  # the master crashes; the next one starts on its registry
    AGENT = "agent"  # an agent's process crashes, its tasks run on
    MACHINE = "machine"  # an agent's machine restarts
    FRAMEWORK = "framework"  # a framework crashes
    RESET = "reset"  # a connection breaks
    SILENCE = "silence"  # a connection goes dead without anybody hearing of it
    PARTITION = "partition"  # two nodes cannot reach each other, or one cannot reach the other
    LOSS = "loss"  # requests are lost, or repeated
    SLOWNESS = "slowness"  # a disk or the network takes its time
    LEAVING = "leaving"  # an agent or a framework ends on purpose and comes back as another
    OPERATOR = "operator"  # quota, weights, maintenance, agents drained or gone for good
    DEMAND = "demand"  # a framework wants more or less, or another task for one it kills


class Node(Protocol):
    """What can be struck."""

    name: str
    disk: Disk

    def start(self) -> None:
        """Begin a life, unless one goes on."""
        ...

    def ambush(self, strike: Callable[[], None]) -> None:
        """Have something happen when it saves next."""
        ...

    def crash(self, *, power: bool) -> None:
        """End its life, with that of its machine if ``power``."""
        ...


class Faults:
    """Strikes a cluster between ``begin`` and ``end``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._kernel = run.kernel
        self._network = run.around.network
        self._is_on = False
        self._repairs: dict[str, Callable[[], None]] = {}  # by what is broken
        self._strikes: dict[Fault, Callable[[], None]] = {
            Fault.MASTER: lambda: self._crash(run.master, power=self._maybe()),
            Fault.AGENT: lambda: self._crash(self._an_agent(), power=False),
            Fault.MACHINE: lambda: self._crash(self._an_agent(), power=True),
            Fault.FRAMEWORK: lambda: self._crash(self._a_scheduler(), power=self._maybe()),
            Fault.RESET: self._reset,
            Fault.SILENCE: self._silence,
            Fault.PARTITION: self._partition,
            Fault.LOSS: self._lose_requests,
            Fault.SLOWNESS: self._slow_down,
            Fault.LEAVING: self._leave,
            Fault.OPERATOR: run.operator.act,
            Fault.DEMAND: self._change_demand,
        }
        self._kinds = [fault for fault in Fault if fault in run.options.faults]

    def begin(self) -> None:
        """From now on, things go wrong."""
        self._is_on = bool(self._kinds)
        self._plan_next()

    def end(self) -> None:
        """Mend everything; nothing goes wrong any more."""
        self._is_on = False
        for mend in list(self._repairs.values()):
            mend()
        for agent in self._run.agents:
            agent.supervisor.failing = 0.0

    def _plan_next(self) -> None:
        if self._is_on:
            delay_s = self._kernel.random.expovariate(1.0 / INTERVAL_S)
            self._kernel.after(delay_s, self._strike)

    def _strike(self) -> None:
        if self._is_on:
            fault = self._kernel.random.choice(self._kinds)
            self._run.trace.note("simulator", "!", f"fault: {fault}")
            self._strikes[fault]()
            self._plan_next()

    def _break(self, what: str, mend: Callable[[], None]) -> None:
        """Note how to mend what is broken now, and when."""

        def mend_once() -> None:
            if self._repairs.pop(what, None) is not None:
                self._run.trace.note("simulator", "!", f"mended: {what}")
                mend()

        self._repairs[what] = mend_once
        is_long = self._kernel.chance(0.2)
        delay_s = self._kernel.between(*(LONG_OUTAGE_S if is_long else OUTAGE_S))
        self._kernel.after(delay_s, lambda: self._mend_if_still(what, mend_once))

    def _mend_if_still(self, what: str, mend: Callable[[], None]) -> None:
        if self._repairs.get(what) is mend:
            mend()

    # --- nodes ---------------------------------------------------------------------------------

    def _crash(self, node: Node, *, power: bool) -> None:
        """Crash a node at once, or just when it saves, which is when a crash is worst."""

        def strike() -> None:
            if self._is_on and node.name not in self._repairs:
                self._run.trace.note("simulator", "!", f"crash: {node.name}")
                node.crash(power=power)
                self._break(node.name, node.start)

        if self._maybe():
            node.ambush(strike)
        else:
            strike()

    def _leave(self) -> None:
        if self._maybe():
            self._a_framework().tell(Retire())
            return
        agent = self._an_agent()
        if agent.core is not None and agent.name not in self._repairs:
            agent.leave()
            self._break(agent.name, lambda: self._return(agent))

    def _return(self, agent: AgentNode) -> None:
        agent.crash(power=False)  # if it has not managed to leave
        agent.start()

    def _change_demand(self) -> None:
        framework = self._a_scheduler()
        if isinstance(framework, MarathonNode):
            framework.change()
        elif self._maybe():
            framework.tell(KillOne())
        else:
            framework.tell(Scale(self._kernel.random.randint(0, len(self._run.agents))))

    # --- the network and disks -----------------------------------------------------------------

    def _reset(self) -> None:
        if ends := self._network.ends(MASTER):
            self._network.reset(self._kernel.random.choice(ends))

    def _silence(self) -> None:
        if ends := self._network.ends(MASTER):
            self._network.deaden(self._kernel.random.choice(ends))

    def _partition(self) -> None:
        node = self._kernel.random.choice(self._run.nodes).name
        ways = [(node, MASTER), (MASTER, node)]
        if self._kernel.chance(0.3):
            ways = [self._kernel.random.choice(ways)]
        for way in ways:
            what = f"the way from {way[0]} to {way[1]}"
            if what not in self._repairs:
                self._network.cut(*way)
                self._break(what, lambda way=way: self._network.heal(*way))  # type: ignore[misc]

    def _lose_requests(self) -> None:
        self._network.loss = self._kernel.between(0.05, 0.5)
        self._network.repetition = self._kernel.between(0.0, 0.2)
        self._break("requests", self._spare_requests)

    def _spare_requests(self) -> None:
        self._network.loss = self._network.repetition = 0.0

    def _slow_down(self) -> None:
        if self._maybe():
            self._network.slowness = self._kernel.between(5.0, 100.0)
            self._break("the network's speed", self._speed_up)
            return
        node = self._kernel.random.choice([self._run.master, *self._run.nodes])
        node.disk.slowness = self._kernel.between(10.0, 300.0)
        self._break(f"the disk of {node.name}", lambda: setattr(node.disk, "slowness", 1.0))

    def _speed_up(self) -> None:
        self._network.slowness = 1.0

    # --- whom it strikes -----------------------------------------------------------------------

    def _an_agent(self) -> AgentNode:
        return self._kernel.random.choice(self._run.agents)

    def _a_framework(self) -> FrameworkNode:
        return self._kernel.random.choice(self._run.frameworks)

    def _a_scheduler(self) -> FrameworkNode | MarathonNode:
        return self._kernel.random.choice(self._run.schedulers)

    def _maybe(self) -> bool:
        return self._kernel.chance(0.5)
