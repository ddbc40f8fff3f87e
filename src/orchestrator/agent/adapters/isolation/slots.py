"""The agent's own cgroup in each hierarchy it uses, with the controllers that containers need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters.isolation import directories, hierarchies
from orchestrator.agent.adapters.isolation.hierarchies import Hierarchy
from orchestrator.mesos.types import Message

_ROSTERS = ("pids", "freezer", "memory", "cpu", "cpuacct")  # the best first


class Slot(Message):
    """A hierarchy in use: where this agent's cgroups are, and which controllers it is used for."""

    mount: Path
    base: Path
    controllers: frozenset[str]
    is_unified: bool

    def member_file(self, container_id: str) -> str:
        """Writing 0 there puts the writing thread in (v1), or its process (v2)."""
        return f"{self.base}/{container_id}/{'cgroup.procs' if self.is_unified else 'tasks'}"


def occupy(
    found: Sequence[Hierarchy], group: str, wanted: frozenset[str], root: Path
) -> tuple[list[Slot], dict[str, str]]:
    """Make it wherever a wanted controller is; says of those that cannot be had, why."""
    missing: dict[str, str] = {}
    used: dict[Path, tuple[Hierarchy, set[str]]] = {}
    for controller in sorted(wanted):
        one = hierarchies.holder(found, controller)
        if one is None:
            missing[controller] = hierarchies.absence(controller, root)
        else:
            used.setdefault(one.path, (one, set()))[1].add(controller)
    slots = []
    for one, controllers in used.values():
        slot = Slot(
            mount=one.path,
            base=one.path / group,
            controllers=frozenset(controllers),
            is_unified=one.is_unified,
        )
        refused = prepare(slot)
        missing |= {name: _place_of(error) for name, error in refused.items()}
        if got := slot.controllers - refused.keys():
            slots.append(replace(slot, controllers=got))
    return slots, missing


def prepare(slot: Slot) -> dict[str, OSError]:
    """Make the agent's own cgroup; says which controllers cannot be used in it, and why.

    In v2 each has to be handed down level by level. Counting processor time needs none there.
    """
    try:
        slot.base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return dict.fromkeys(sorted(slot.controllers), error)
    if not slot.is_unified:
        return {}
    refused = {}
    for controller in sorted(slot.controllers - {"cpuacct", "freezer"}):
        try:
            _hand_down(slot, controller)
        except OSError as error:
            refused[controller] = error
    return refused


def _hand_down(slot: Slot, controller: str) -> None:
    below = [slot.base, *slot.base.parents]
    for level in reversed(below[: below.index(slot.mount) + 1]):
        directories.write(f"{level}/cgroup.subtree_control", f"+{controller}")


def _place_of(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def best_roster(slots: Sequence[Slot]) -> Slot | None:
    """Where a container is best ended: nothing new may appear in it meanwhile."""
    unified = next((slot for slot in slots if slot.is_unified), None)
    if unified is not None:
        return unified
    for controller in _ROSTERS:
        for slot in slots:
            if controller in slot.controllers:
                return slot
    return None
