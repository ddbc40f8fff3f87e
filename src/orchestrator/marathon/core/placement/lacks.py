"""What an agent lacks for an app, all of it and in words; only looked for when somebody asks.

Matching stops at the first thing that is missing; this goes through everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from orchestrator.marathon.core.placement import constraints
from orchestrator.marathon.core.placement.constraints import Fields, Siblings
from orchestrator.marathon.core.placement.disks import take_disks
from orchestrator.marathon.core.placement.matching import (
    OpenOffer,
    Reason,
    executor_scalars,
    wanted_scalars,
)
from orchestrator.marathon.core.placement.taking import take_ports
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.mesos.resources import MILLI, Resources, to_milli


class Lack(msgspec.Struct, frozen=True):
    """One thing that is missing."""

    reason: Reason
    sentence: str


def of_offer(app: RunSpec, offer: OpenOffer, siblings: Siblings) -> list[Lack]:
    """All that keeps an instance of the app from the offer."""
    usable = offer.usable_for(app)
    if not usable:
        roles = " or ".join(sorted(offer.rules.roles(app)))
        return [Lack(Reason.UNFULFILLED_ROLE, f"nothing that is for the role {roles}")]
    return [*of_place(app, offer, siblings), *_of_resources(app, usable), *_of_agent(app, offer)]


def of_place(app: RunSpec, offer: OpenOffer, siblings: Siblings) -> Iterator[Lack]:
    """The constraints that are not met there."""
    for constraint in app.constraints:
        if not constraints.is_met(constraint, offer.fields, siblings, app.instances):
            yield Lack(Reason.UNFULFILLED_CONSTRAINT, _constraint(constraint, offer.fields))
    if not offer.is_near(app):
        sentence = f"it is in region {offer.place.region}, and the app has no constraint on @region"
        yield Lack(Reason.UNFULFILLED_CONSTRAINT, sentence)


def _constraint(constraint: Sequence[str], fields: Fields) -> str:
    field = constraints.field_of(constraint)
    found = fields.get(field)
    has = f"its {field} is {found}" if found is not None else f"it has no {field}"
    return f"{has}, which does not meet {' '.join(constraint)}"


def _of_resources(app: RunSpec, usable: Resources) -> Iterator[Lack]:
    for name, (wanted, reason) in totals(app).items():
        have = usable.where(lambda kind: kind.disk is None).milli(name)
        if have < wanted:
            yield Lack(reason, amount_lacking(name, have, wanted))
    left = dict(usable.amounts)
    if app.is_resident and take_disks(left, app.persistent_volumes) is None:
        yield Lack(Reason.INSUFFICIENT_DISK, f"no disk for {volumes(app)}")
    if take_ports(dict(usable.amounts), app.host_ports, 0) is None:
        yield Lack(Reason.INSUFFICIENT_PORTS, _ports(app, usable))


def totals(app: RunSpec) -> dict[str, tuple[int, Reason]]:
    """How many thousandths of each scalar an instance takes with its executor."""
    found: dict[str, tuple[int, Reason]] = {}
    for name, amount, reason in [*wanted_scalars(app), *executor_scalars(app)]:
        found[name] = (found.get(name, (0, reason))[0] + to_milli(amount), reason)
    return found


def amount_lacking(name: str, have: int, wanted: int) -> str:
    """``2.0 cpus of the 4.0 wanted``."""
    unit = " MiB" if name in ("mem", "disk") else ""
    return f"{have / MILLI}{unit} {name} of the {wanted / MILLI} wanted"


def volumes(app: RunSpec) -> str:
    """The app's volumes, in words."""
    wanted = [(v.container_path, v.persistent) for v in app.persistent_volumes]
    texts = [f"{p.disk_type} volume {path} of {p.size} MiB" for path, p in wanted if p]
    return "the " + ", ".join(texts)


def _ports(app: RunSpec, usable: Resources) -> str:
    ranges = usable.ranges("ports")
    fixed = [port for port in app.host_ports if port]
    missing = [str(p) for p in fixed if not any(b <= p <= e for b, e in ranges)]
    if missing:
        return f"host port {', '.join(missing)} is not free"
    have = sum(end - begin + 1 for begin, end in ranges)
    wanted = sum(port is not None for port in app.host_ports)
    return f"{have} ports of the {wanted} wanted"


def _of_agent(app: RunSpec, offer: OpenOffer) -> Iterator[Lack]:
    if not offer.is_available:
        yield Lack(Reason.AGENT_MAINTENANCE, "it is under maintenance")
    if offer.wastes_gpus(app):
        sentence = "it has GPUs, which are kept for apps that use them"
        yield Lack(Reason.DECLINED_SCARCE_RESOURCES, sentence)
