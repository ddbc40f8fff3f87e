"""How fast offers are divided: ``python -m benchmarks.allocator``.

All agents of a cluster are free and all frameworks want offers, in one role, which is the case that
Mesos publishes figures of. In this process, nothing else running, medians of the rounds:

``speedup_over_oracle``  how much faster the compiled allocator is than the plain one, which gives
                         the same, with 10,000 agents and 1,000 frameworks; of each round the ratio,
                         the filling of arrays and the reading of shares included
``plain_ms``             the plain allocator's time, the baseline
``compiled_ms``          the compiled one's
``cycle_ms``             from the problem to the OFFERS events as bytes: division, offers, JSON
``cycle_20k_s``          the same with 20,000 agents and 2,000 frameworks, in seconds; Mesos 1.8
                         published 3.8 s for its cycle
``master_cycle_ms``      10,000 agents, 1,000 frameworks, everything that a master does in one
                         wake-up: reading its state, the cycle, and accounting for each offer
``small_plain_ms``       the plain allocator with 5,000 agents and 200 frameworks
``load_s``               importing and compiling the kernel; less when it was compiled before
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import harness
from orchestrator.master.config import MasterConfig
from orchestrator.master.core import allocation, demand, offers
from orchestrator.master.core.allocator import drf, fast
from orchestrator.master.core.allocator.drf import Divide
from orchestrator.master.core.allocator.problem import Problem
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import Effect, FrameworkSubscribed, ToFramework
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import parse
from orchestrator.mesos.types import AgentID, AgentInfo, FrameworkInfo, MasterInfo

RESOURCES = parse("cpus:64;mem:262144;disk:1000000;ports:[31000-32000]")


class Cluster:
    """A master with agents and frameworks and nothing allocated."""

    def __init__(self, agents: int, frameworks: int, divide: Divide) -> None:
        info = MasterInfo(id="m", ip=0, hostname="master", pid="master@127.0.0.1:5050")
        self.master = Master(MasterConfig(), info, {}, {}, 0.0)
        self.state: State = self.master.state
        self.state.divide = divide
        for number in range(frameworks):
            framework = FrameworkInfo(user="root", name=f"framework {number}")
            self.master.handle(FrameworkSubscribed(f"stream {number}", framework), 0.0)
        self.master.wake(0.0)
        for number in range(agents):
            self._add_agent(f"m-S{number}")

    def _add_agent(self, agent_id: str) -> None:
        info = AgentInfo(hostname=f"{agent_id}.example.com", id=AgentID(value=agent_id))
        agent = Agent(id=agent_id, info=info, resources=RESOURCES, registered_at=0.0)
        self.state.cluster.add_agent(agent)
        self.state.cluster.open_link(agent, f"link {agent_id}")

    def problem(self) -> Problem:
        """What the allocator is asked when everything is free."""
        self.state.supply.refresh(self.state.cluster, demand.scalar_names(self.state))
        shelf = [
            (agent, stock)
            for agent in self.state.cluster.agents.values()
            if (stock := self.state.supply.of(agent.id)) is not None
        ]
        return allocation.problem_of(self.state, demand.read(self.state), shelf)

    def wake(self) -> list[Effect]:
        """Offer all agents."""
        self.state.reallocate_all()
        return self.master.wake(0.0)

    def take_back(self) -> None:
        """End all offers, as if they had been declined and the refusals were over."""
        for offer in list(self.state.cluster.offers.values()):
            offers.remove(self.state, offer)


class Cycle:
    """From problem to bytes, without the master's accounts."""

    def __init__(self, cluster: Cluster, divide: Divide) -> None:
        self._state = cluster.state
        self._divide = divide
        self._problem = cluster.problem()
        self._wanted = demand.read(cluster.state)
        supply = cluster.state.supply
        self._shelf = [
            (agent, stock)
            for agent in cluster.state.cluster.agents.values()
            if (stock := supply.of(agent.id)) is not None
        ]

    def run(self) -> int:
        """Return the bytes of all events."""
        shares = self._divide(self._problem)
        grants = allocation.grants_of(self._wanted, self._shelf, shares)
        made = [offers.outstanding(self._state, grant) for grant in grants]
        events = offers.events_of(self._state, made)
        return sum(len(codec.encode(event)) for _, event in events)


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def timed(work: Callable[[], object]) -> float:
    """How long it takes, in seconds; collections of garbage wait until after."""
    with _without_collector():
        began = time.perf_counter()
        work()
        return time.perf_counter() - began


def run(scale: float, rounds: int) -> dict[str, float]:
    """Measure everything; ``scale`` makes the clusters smaller."""
    began = time.perf_counter()
    compiled = fast.load()
    if compiled is None:
        raise SystemExit("the extra 'scale' is not installed: pip install orchestrator[scale]")
    figures = {"load_s": time.perf_counter() - began}
    figures |= _compare(
        Cluster(int(10_000 * scale), int(1_000 * scale), compiled), compiled, rounds
    )
    harness.say("compared both; now the cluster of twice the size")
    large = Cycle(Cluster(int(20_000 * scale), int(2_000 * scale), compiled), compiled)
    figures["cycle_20k_s"] = harness.median([timed(large.run) for _ in range(rounds)])
    small = Cluster(int(5_000 * scale), int(200 * scale), drf.divide).problem()
    plain_s = [timed(lambda: drf.divide(small)) for _ in range(rounds)]
    figures["small_plain_ms"] = harness.median(plain_s) * 1000
    return figures


def _compare(cluster: Cluster, compiled: Divide, rounds: int) -> dict[str, float]:
    problem, cycle = cluster.problem(), Cycle(cluster, compiled)
    if compiled(problem) != drf.divide(problem):
        raise SystemExit("the allocators disagree")
    fast_s, plain_s, cycle_s, master_s = [], [], [], []
    for number in range(rounds):
        fast_s.append(timed(lambda: compiled(problem)))
        plain_s.append(timed(lambda: drf.divide(problem)))
        cycle_s.append(timed(cycle.run))
        master_s.append(timed(lambda: _encode(cluster.wake())))
        cluster.take_back()
        harness.say(f"round {number + 1}: {plain_s[-1] * 1e3:.0f} / {fast_s[-1] * 1e3:.1f} ms")
    ratios = [plain / compiled for plain, compiled in zip(plain_s, fast_s, strict=True)]
    return {
        "speedup_over_oracle": harness.median(ratios),
        "plain_ms": harness.median(plain_s) * 1000,
        "compiled_ms": harness.median(fast_s) * 1000,
        "cycle_ms": harness.median(cycle_s) * 1000,
        "master_cycle_ms": harness.median(master_s) * 1000,
    }


def _encode(effects: list[Effect]) -> int:
    return sum(len(codec.encode(e.event)) for e in effects if isinstance(e, ToFramework))


def main() -> None:
    """Run it and print the figures."""
    flags = harness.parser("How fast offers are divided.")
    flags.add_argument("--rounds", type=int, default=9, help="of which the medians are taken")
    chosen: argparse.Namespace = flags.parse_args()
    scale, rounds = (0.1, 2) if chosen.quick else (1.0, chosen.rounds)
    harness.report("allocator", run(scale, rounds), chosen.json)


if __name__ == "__main__":
    main()
