"""Whether an instance fits into an offer, what it takes from it, and if not, why not.

The checks run in the order of Marathon's "reason funnel", so the first reason found is the one that
users see in /v2/queue. Resources reserved for the app's role are used before unreserved ones; what
is reserved for an instance with persistent volumes is for that instance alone. Source:
ResourceMatcher.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from enum import StrEnum
from zlib import crc32

import msgspec

from orchestrator.marathon.core.apps.app_volumes import AppVolume
from orchestrator.marathon.core.instance import Instance, Place
from orchestrator.marathon.core.placement import constraints
from orchestrator.marathon.core.placement.constraints import Siblings
from orchestrator.marathon.core.placement.disks import VolumeDisk, persistence_id, take_disks
from orchestrator.marathon.core.placement.reserving import instance_label
from orchestrator.marathon.core.placement.taking import Left, take_ports, take_scalar
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.settings import AcceptedRoles
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import EMPTY, Kind, Resources, to_milli
from orchestrator.mesos.types import Offer

_FAULT_DOMAINS = ("@region", "@zone")
_GPU_LABEL, _UNRESTRICTED = "GPU_SCHEDULING_BEHAVIOR", "unrestricted"


class Reason(StrEnum):
    """Why an offer cannot be used, in the order of checking."""

    UNFULFILLED_ROLE = "UnfulfilledRole"
    UNFULFILLED_CONSTRAINT = "UnfulfilledConstraint"
    NO_RESERVATION = "NoCorrespondingReservationFound"
    AGENT_MAINTENANCE = "AgentMaintenance"
    INSUFFICIENT_CPUS = "InsufficientCpus"
    INSUFFICIENT_MEMORY = "InsufficientMemory"
    INSUFFICIENT_DISK = "InsufficientDisk"
    INSUFFICIENT_GPUS = "InsufficientGpus"
    INSUFFICIENT_PORTS = "InsufficientPorts"
    DECLINED_SCARCE_RESOURCES = "DeclinedScarceResources"


class Rules(msgspec.Struct, frozen=True):
    """What holds for all apps.

    ``home_region`` is the master's; ``keeps_gpus`` for apps that use them; ``accepted`` is what
    apps accept that do not say it: resources of everybody, of their role, or any of the two.
    """

    home_region: str | None = None
    keeps_gpus: bool = True
    accepted: AcceptedRoles = "any"

    def roles(self, app: RunSpec) -> frozenset[str]:
        """The roles whose resources the app accepts."""
        if app.accepted_resource_roles:
            return frozenset(app.accepted_resource_roles)
        match self.accepted:
            case "any":
                return frozenset(("*", app.role))
            case "unreserved":
                return frozenset("*")
            case "reserved":
                return frozenset((app.role,))


DEFAULT_RULES = Rules()


class Match(msgspec.Struct, frozen=True):
    """What an instance takes from an offer; one host port or None for each port of the app.

    ``disks`` are for volumes that are to be made first; ``executor`` is a part of ``resources``.
    """

    resources: Resources
    host_ports: list[int | None]
    executor: Resources = EMPTY
    disks: list[VolumeDisk] = []


class OpenOffer:
    """An offer while instances are placed on it; ``remaining`` is what is left of it."""

    def __init__(
        self, offer: Offer, rules: Rules = DEFAULT_RULES, is_available: bool = True
    ) -> None:
        self.offer = offer
        self.remaining = from_wire(offer.resources)
        self.place = _place(offer)
        self.fields = self.place.fields()
        self.launches = 0
        self.is_full = False  # what is launched on it makes a call as large as may be
        self.rules = rules
        self.is_available = is_available
        self._usable: dict[Set[str] | None, Resources] = {}
        self._held: frozenset[str | None] | None = None

    @property
    def role(self) -> str | None:
        """The role that the offer was made to."""
        return self.offer.allocation_info.role if self.offer.allocation_info else None

    def match(self, app: RunSpec, siblings: Siblings, seed: str) -> Match | Reason:
        """Whether one more instance of the app fits; ``seed`` spreads the choice of ports.

        For an app with persistent volumes: whether all it needs can be reserved.
        """
        return self._fit(app, self.usable_for(app), siblings, seed, app.persistent_volumes)

    def usable_for(self, app: RunSpec) -> Resources:
        """What of the offer a new instance of the app may take."""
        roles = None if app.is_resident else self.rules.roles(app)
        usable = self._usable.get(roles)
        if usable is None:
            usable = self._usable[roles] = self.remaining.where(_usable_kinds(roles))
        return usable

    def holds_for(self, instance: Instance) -> bool:
        """Whether anything of the offer is reserved for the instance."""
        if self._held is None:
            self._held = frozenset(map(instance_label, self.remaining.amounts))
        return instance.id in self._held

    def match_reserved(
        self, app: RunSpec, instance: Instance, siblings: Siblings
    ) -> Match | Reason:
        """Whether the instance can be launched on what is reserved for it here."""
        mine = self.remaining.where(lambda kind: instance_label(kind) == instance.id)
        volumes = mine.where(lambda kind: persistence_id(kind) is not None)
        wanted = instance.reservation.volumes if instance.reservation else []
        found = {persistence_id(kind) for kind in volumes.amounts}
        if not found or not found.issuperset(volume.persistence_id for volume in wanted):
            return Reason.NO_RESERVATION
        match = self._fit(app, mine - volumes, siblings, instance.task_id, [], is_pinned=True)
        if isinstance(match, Reason):
            return match
        return msgspec.structs.replace(match, resources=match.resources + volumes)

    def take(self, match: Match) -> None:
        """Place an instance."""
        self.reduce(match.resources)
        self.launches += 1

    def reduce(self, by: Resources) -> None:
        """Something of the offer is for nobody who waits."""
        self.remaining = self.remaining - by
        self._usable.clear()
        self._held = None

    def is_met(self, app: RunSpec, siblings: Siblings) -> bool:
        """Whether the agent is where the app may be, given where its siblings are."""
        return self.is_near(app) and not any(self._unmet(app, siblings))

    def may_yet_be_met(self, app: RunSpec, siblings: Siblings) -> bool:
        """Whether the agent is none now but can be once the app has more instances."""
        unmet = self._unmet(app, siblings)
        return self.is_near(app) and all(map(constraints.may_yet_be_met, unmet))

    def _unmet(self, app: RunSpec, siblings: Siblings) -> Iterator[Sequence[str]]:
        for constraint in app.constraints:
            if not constraints.is_met(constraint, self.fields, siblings, app.instances):
                yield constraint

    def is_near(self, app: RunSpec) -> bool:
        """Apps that say nothing of regions and zones stay in the region of the master."""
        home, region = self.rules.home_region, self.place.region
        if region is None or home is None or region == home:
            return True
        return any(constraint[0] in _FAULT_DOMAINS for constraint in app.constraints)

    def _fit(
        self,
        app: RunSpec,
        usable: Resources,
        siblings: Siblings,
        seed: str,
        volumes: Sequence[AppVolume],
        *,
        is_pinned: bool = False,
    ) -> Match | Reason:
        if not usable:
            return Reason.UNFULFILLED_ROLE
        if not self.is_met(app, siblings):
            return Reason.UNFULFILLED_CONSTRAINT
        if not self.is_available:
            return Reason.AGENT_MAINTENANCE
        match = _take(app, dict(usable.amounts), volumes, seed)
        if isinstance(match, Match) and not is_pinned and self.wastes_gpus(app):
            return Reason.DECLINED_SCARCE_RESOURCES
        return match

    def wastes_gpus(self, app: RunSpec) -> bool:
        """Whether the agent has GPUs that the app would keep from those who use them."""
        return self.rules.keeps_gpus and is_kept_from_gpus(app) and self.remaining.milli("gpus") > 0


def is_kept_from_gpus(app: RunSpec) -> bool:
    """Whether agents with GPUs are not for the app, if they are kept for apps that use them."""
    return not app.gpus and app.labels.get(_GPU_LABEL) != _UNRESTRICTED


def _usable_kinds(roles: Set[str] | None) -> Callable[[Kind], bool]:
    """What instances that accept these roles may take; None is for those that will reserve it."""
    if roles is None:
        return lambda kind: not kind.reservations and _is_free(kind)
    return lambda kind: kind.role in roles and kind.disk is None and _is_free(kind)


def _is_free(kind: Kind) -> bool:
    return not kind.revocable and (not kind.reservations or instance_label(kind) is None)


def wanted_scalars(app: RunSpec) -> Iterator[tuple[str, float, Reason]]:
    """How much of each scalar an instance takes, without its volumes and its executor."""
    yield "cpus", app.cpus, Reason.INSUFFICIENT_CPUS
    yield "mem", app.mem, Reason.INSUFFICIENT_MEMORY
    yield "disk", app.disk, Reason.INSUFFICIENT_DISK
    yield "gpus", app.gpus, Reason.INSUFFICIENT_GPUS


def executor_scalars(app: RunSpec) -> Iterator[tuple[str, float, Reason]]:
    """What a custom executor takes besides."""
    if (extra := app.executor_resources) is not None and app.has_custom_executor:
        yield "cpus", extra.cpus, Reason.INSUFFICIENT_CPUS
        yield "mem", extra.mem, Reason.INSUFFICIENT_MEMORY
        yield "disk", extra.disk, Reason.INSUFFICIENT_DISK


def _take(app: RunSpec, left: Left, volumes: Sequence[AppVolume], seed: str) -> Match | Reason:
    own = _take_scalars(left, wanted_scalars(app))
    if isinstance(own, Reason):
        return own
    executor = _take_scalars(left, executor_scalars(app))
    if isinstance(executor, Reason):
        return executor
    disks = take_disks(left, volumes)
    if disks is None:
        return Reason.INSUFFICIENT_DISK
    ports = take_ports(left, app.host_ports, crc32(seed.encode()))
    if ports is None:
        return Reason.INSUFFICIENT_PORTS
    taken, chosen = ports
    whole = Resources(own | taken)
    for disk in disks:
        whole = whole + Resources({disk.kind: disk.amount})
    extra = Resources(executor)
    return Match(whole + extra if extra else whole, chosen, extra, disks)


def _take_scalars(left: Left, wanted: Iterator[tuple[str, float, Reason]]) -> Left | Reason:
    taken: Left = {}
    for name, amount, reason in wanted:
        found = take_scalar(left, name, to_milli(amount))
        if found is None:
            return reason
        taken |= found
    return taken


def _place(offer: Offer) -> Place:
    fault_domain = offer.domain.fault_domain if offer.domain else None
    named = reversed(offer.attributes)  # of two with one name the first counts
    return Place(
        host=offer.hostname,
        agent_id=offer.agent_id.value,
        region=fault_domain.region.name if fault_domain else None,
        zone=fault_domain.zone.name if fault_domain else None,
        attributes={a.name: constraints.attribute_text(a) for a in named},
    )
