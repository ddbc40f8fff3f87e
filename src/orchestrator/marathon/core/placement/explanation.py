"""Why an app waits: what the last offers lacked, what it needs, and whether any agent could do.

Made when somebody asks, from what the launcher remembers; nothing is kept for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.part import Part
from orchestrator.marathon.core.placement import constraints, lacks
from orchestrator.marathon.core.placement.constraints import ALONE, Siblings
from orchestrator.marathon.core.placement.known_agents import LastOffer
from orchestrator.marathon.core.placement.launch_stats import UnusedOffer
from orchestrator.marathon.core.placement.launcher import Launcher
from orchestrator.marathon.core.placement.matching import OpenOffer, Reason
from orchestrator.marathon.core.placement.placing import siblings_of
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State
from orchestrator.mesos.resources import MILLI, ResourceError

MAX_OFFERS = 20
_GIVEN_AWAY = "what it offered went to instances that were before this one"


class ExplainedOffer(Part):
    """An offer that came lately and was not used, and all that it lacked."""

    agent_id: str
    hostname: str
    timestamp: str
    lacks: list[str]


class Explanation(Part):
    """Why an app waits.

    ``can_ever_fit`` is left out while no agent is known; it is what the agents' last offers with
    what this Marathon's own instances use there would allow, other frameworks left aside.
    """

    summary: str
    wants: list[str]
    needed: list[str]
    known_agents: int
    fitting_agents: int
    can_ever_fit: bool | None = None
    offers: list[ExplainedOffer] = []


class Own(msgspec.Struct):
    """What this Marathon's instances use of one agent."""

    scalars: dict[str, int] = {}
    ports: set[int] = set()


_NOTHING = Own()


class Explainer:
    """Looks at what the launcher has seen until ``now``."""

    def __init__(self, state: State, launcher: Launcher, now: float) -> None:
        self._state = state
        self._launcher = launcher
        self._now = now
        self._known: list[OpenOffer] | None = None
        self._own: dict[str, Own] = {}
        self.count = 0
        """How many apps were explained."""

    def explain(self, app: RunSpec) -> Explanation:
        """Why instances of the app wait."""
        self.count += 1
        agents = self._agents()
        fitting = sum(self._could_fit(app, agent) for agent in agents)
        return Explanation(
            summary=self._summary(app),
            wants=list(_wants(app)),
            needed=list(self._needed(app, agents)),
            known_agents=len(agents),
            fitting_agents=fitting,
            can_ever_fit=fitting > 0 if agents else None,
            offers=self._offers(app),
        )

    def reasons(self, app: RunSpec, unused: UnusedOffer) -> list[Reason]:
        """All reasons why an offer was not used, the one that decided it first."""
        found = [lack.reason for lack in self._lacks(app, unused)]
        return list(dict.fromkeys([unused.reason, *found]))

    def _summary(self, app: RunSpec) -> str:
        if not self._state.is_connected:
            return "Marathon is not connected to a master"
        until = self._launcher.delayed_until(app)
        if until is not None:
            left_s = max(0.0, until - self._now)
            failure = self._state.failures.get(app.id)
            why = f": {failure.message}" if failure and failure.message else ""
            return f"launches are delayed for {left_s:.0f} more seconds, after failures{why}"
        stats = self._launcher.stats.get(app.id)
        return stats.sentence() if stats else "nothing of the app waits"

    def _offers(self, app: RunSpec) -> list[ExplainedOffer]:
        stats = self._launcher.stats.get(app.id)
        latest = stats.last_unused()[-MAX_OFFERS:] if stats else []
        return [
            ExplainedOffer(
                agent_id=unused.offer.agent_id.value,
                hostname=unused.offer.hostname,
                timestamp=timestamps.render(unused.at),
                lacks=[lack.sentence for lack in self._lacks(app, unused)] or [_GIVEN_AWAY],
            )
            for unused in reversed(latest)
        ]

    def _lacks(self, app: RunSpec, unused: UnusedOffer) -> list[lacks.Lack]:
        if unused.reason is Reason.NO_RESERVATION:
            homes = ", ".join(self._homes(app))
            return [lacks.Lack(unused.reason, f"the volumes of the instance are on {homes}")]
        offer = OpenOffer(unused.offer, self._launcher.rules, is_available=True)
        found = lacks.of_offer(app, offer, self._siblings(app))
        if unused.reason is Reason.AGENT_MAINTENANCE:
            found.append(lacks.Lack(unused.reason, "it is under maintenance"))
        return found

    def _homes(self, app: RunSpec) -> list[str]:
        waiting = self._state.waiting.get(app.id, {}).values()
        return sorted({i.place.host for i in waiting if i.reservation and i.place})

    def _siblings(self, app: RunSpec) -> Siblings:
        instance = next(iter(self._state.waiting.get(app.id, {}).values()), None)
        return Siblings(siblings_of(self._state, app, instance)) if instance else ALONE

    def _agents(self) -> list[OpenOffer]:
        if self._known is None:
            opened = [self._open(last) for last in self._launcher.agents]
            self._known = [agent for agent in opened if agent is not None]
            for instance in self._state.instances.values():
                self._count(instance)
        return self._known

    def _open(self, last: LastOffer) -> OpenOffer | None:
        try:
            return OpenOffer(last.offer, self._launcher.rules)
        except ResourceError:
            return None

    def _could_fit(self, app: RunSpec, agent: OpenOffer) -> bool:
        if not agent.is_near(app):
            return False
        if not all(constraints.could_be_met(c, agent.fields) for c in app.constraints):
            return False
        if any(self._potential(agent, n) < least for n, least in _least(app).items()):
            return False
        ranges = agent.remaining.ranges("ports")
        own = self._used(agent).ports
        fixed = [port for port in app.host_ports if port]
        return all(port in own or any(b <= port <= e for b, e in ranges) for port in fixed)

    def _potential(self, agent: OpenOffer, name: str) -> int:
        return agent.remaining.milli(name) + self._used(agent).scalars.get(name, 0)

    def _needed(self, app: RunSpec, agents: list[OpenOffer]) -> Iterator[str]:
        """What no known agent has at all; each thing for itself."""
        if not agents:
            return
        for name, least in _least(app).items():
            largest = max(agents, key=lambda agent: self._potential(agent, name))
            have = self._potential(largest, name)
            if have < least:
                amounts = f"{least / MILLI} {name}; the largest known, {largest.place.host},"
                yield f"an agent with {amounts} has {have / MILLI}"
        for constraint in app.constraints:
            if not any(constraints.could_be_met(constraint, a.fields) for a in agents):
                yield f"an agent that meets {' '.join(constraint)}; none of the known does"

    def _used(self, agent: OpenOffer) -> Own:
        return self._own.get(agent.place.agent_id, _NOTHING)

    def _count(self, instance: Instance) -> None:
        app = self._state.spec_of(instance)
        if app is None or instance.place is None or not instance.condition.is_launched:
            return
        used = self._own.setdefault(instance.place.agent_id, Own())
        used.ports.update(instance.host_ports)
        for name, amount in _least(app).items():
            used.scalars[name] = used.scalars.get(name, 0) + amount


def _least(app: RunSpec) -> dict[str, int]:
    """What one instance needs of each scalar, its volumes on the root disk included."""
    found = {name: amount for name, (amount, _) in lacks.totals(app).items()}
    infos = [v.persistent for v in app.persistent_volumes if v.persistent]
    found["disk"] += sum(info.size * MILLI for info in infos if info.disk_type == "root")
    return found


def _wants(app: RunSpec) -> Iterator[str]:
    for name, (amount, _) in lacks.totals(app).items():
        if amount:
            yield f"{amount / MILLI} {name}"
    if app.is_resident:
        yield f"disk for {lacks.volumes(app)}"
    fixed = [str(port) for port in app.host_ports if port]
    any_port = sum(port == 0 for port in app.host_ports)
    if any_port:
        yield f"{any_port} host port{'s' * (any_port != 1)}"
    if fixed:
        yield f"host port {', '.join(fixed)}"
    for constraint in app.constraints:
        yield " ".join(constraint)
    yield f"role {app.role}"
