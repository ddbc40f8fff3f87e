"""An operator at the master: sets quota and weights, drains agents, plans maintenance.

Commands go to the master directly, as from a shell on its machine, and nobody waits for an answer:
one that the master forgets because it crashes is simply lost. ``settle`` takes everything back.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.master.core.commands import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    OperatorCommand,
    ReactivateAgent,
    RoleQuota,
    StartMaintenance,
    StopMaintenance,
    UpdateMaintenanceSchedule,
    UpdateQuota,
    UpdateWeights,
)
from orchestrator.mesos.types import (
    MachineID,
    MaintenanceSchedule,
    MaintenanceWindow,
    TimeInfo,
    Unavailability,
)
from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.master import MasterNode

_ROLES = ("web", "batch", "web/shop")


class Operator:
    """Whoever may do everything, and does."""

    def __init__(self, kernel: Kernel, master: MasterNode) -> None:
        self._kernel = kernel
        self._master = master
        self._habits: list[Callable[[], OperatorCommand | None]] = [
            self._quota,
            self._weights,
            lambda: self._about_an_agent(DrainAgent),
            lambda: self._about_an_agent(DeactivateAgent),
            lambda: self._about_an_agent(ReactivateAgent),
            lambda: self._about_an_agent(MarkAgentGone),
            self._plan_maintenance,
            self._begin_maintenance,
            self._end_maintenance,
        ]

    def act(self) -> None:
        """Do one of the things that operators do."""
        if command := self._kernel.random.choice(self._habits)():
            self._master.operate(command)

    def settle(self) -> None:
        """Let there be no quota and no maintenance, and every agent be in use."""
        core = self._master.core
        if core is None:
            return
        for role in list(core.state.quotas):
            self._master.operate(UpdateQuota((RoleQuota(role=role),), force=True))
        if core.state.down_machines:
            self._master.operate(StopMaintenance(list(core.state.down_machines)))
        if core.state.schedule.windows:
            self._master.operate(UpdateMaintenanceSchedule(MaintenanceSchedule()))
        for agent in list(core.cluster.agents.values()):
            if agent.is_deactivated:
                self._master.operate(ReactivateAgent(agent_id=agent.id))

    def _quota(self) -> OperatorCommand:
        random = self._kernel.random
        limits = {"cpus": 1_000 * random.randint(0, 6), "mem": 1_000 * random.randint(0, 2_048)}
        guaranteed = random.random() < 0.5
        quota = RoleQuota(
            role=random.choice(_ROLES),
            limits=limits,
            guarantees={"cpus": limits["cpus"] // 2} if guaranteed else {},
        )
        return UpdateQuota((quota,), force=random.random() < 0.5)

    def _weights(self) -> OperatorCommand:
        random = self._kernel.random
        return UpdateWeights({random.choice(_ROLES): random.choice([0.5, 1.0, 4.0])})

    def _plan_maintenance(self) -> OperatorCommand | None:
        """Add an agent's machine to the schedule, or empty it."""
        core = self._master.core
        known = list(core.cluster.agents.values()) if core is not None else []
        if core is None or not known or self._kernel.chance(0.3):
            return UpdateMaintenanceSchedule(MaintenanceSchedule())
        machine = MachineID(hostname=self._kernel.random.choice(known).info.hostname)
        start = TimeInfo(nanoseconds=int((self._kernel.now + 10.0) * 1e9))
        window = MaintenanceWindow(
            machine_ids=[machine], unavailability=Unavailability(start=start)
        )
        windows = [w for w in core.state.schedule.windows if machine not in w.machine_ids]
        return UpdateMaintenanceSchedule(MaintenanceSchedule(windows=[*windows, window]))

    def _begin_maintenance(self) -> OperatorCommand | None:
        core = self._master.core
        windows = core.state.schedule.windows if core is not None else []
        machines = [machine for window in windows for machine in window.machine_ids]
        return StartMaintenance(machines[:1]) if machines else None

    def _end_maintenance(self) -> OperatorCommand | None:
        core = self._master.core
        down = core.state.down_machines if core is not None else []
        return StopMaintenance(down[:1]) if down else None

    def _about_an_agent(self, command: Callable[..., OperatorCommand]) -> OperatorCommand | None:
        core = self._master.core
        known = list(core.cluster.agents) if core is not None else []
        return command(agent_id=self._kernel.random.choice(known)) if known else None
