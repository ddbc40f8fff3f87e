"""Quota of roles, changed at run time: what is kept for a role and what it may have at most.

``quota/<role>`` in the registry. Roles are a tree, and quota must fit into it: what the children of
a role are guaranteed together the role itself must be guaranteed, and no limit may be below what is
guaranteed to the role or to its children. Two more checks ask whether a change is meant: are there
agents enough for all guarantees, and has a role more than its new limit already? ``force`` skips
these two. Resources in use are never taken away; offers beyond a new limit are.

Source: src/master/quota.cpp and src/master/quota_handler.cpp of Mesos 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.master.core import demand, offers
from orchestrator.master.core.allocator.books import sums_of_consumed
from orchestrator.master.core.commands import RemoveQuota, RoleQuota, SetQuota, UpdateQuota
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.records import OutstandingOffer
from orchestrator.master.core.state import State
from orchestrator.master.core.validation import role_problem
from orchestrator.mesos import codec
from orchestrator.mesos.resources import MAX_SCALAR, MILLI
from orchestrator.runtime.machine import Save

QUOTA = "quota/"
MAX_QUOTAS = 10_000
Quantities = Mapping[str, int]


def recover(state: State, kept: Mapping[str, bytes]) -> None:
    """After a start: the quota that was set. Raises DecodeError."""
    state.quotas = {
        key.removeprefix(QUOTA): codec.decode(RoleQuota, value)
        for key, value in kept.items()
        if key.startswith(QUOTA)
    }


def update(state: State, command: UpdateQuota) -> None:
    """Set quota. Raises OperatorError."""
    wanted = dict(state.quotas)
    for quota in command.quotas:
        wanted[quota.role] = quota
    changed = [quota.role for quota in command.quotas]
    problem = _problem_with_form(command.quotas) or _problem_with_tree(wanted)
    if problem is None and len(wanted) > MAX_QUOTAS:
        problem = f"No more than {MAX_QUOTAS} roles can have quota"
    if problem is None and not command.force:
        problem = _overcommitted(state, wanted) or _already_above(state, command.quotas)
    if problem is not None:
        raise OperatorError(400, problem)
    state.quotas = {role: quota for role, quota in wanted.items() if _says_something(quota)}
    state.effects += [_saved(state, role) for role in changed]
    _rescind_excess(state, changed)
    state.reallocate_all()


def set_guarantee(state: State, command: SetQuota) -> None:
    """SET_QUOTA: a guarantee that is a limit too. Raises OperatorError."""
    if command.role in state.quotas:
        raise OperatorError(400, f"Role '{command.role}' has quota already: remove it first")
    quota = RoleQuota(
        role=command.role, guarantees=command.guarantees, limits=dict(command.guarantees)
    )
    update(state, UpdateQuota((quota,), command.force))


def remove(state: State, command: RemoveQuota) -> None:
    """REMOVE_QUOTA. Raises OperatorError."""
    if command.role not in state.quotas:
        raise OperatorError(400, f"Role '{command.role}' has no quota")
    update(state, UpdateQuota((RoleQuota(role=command.role),), force=True))


def consumed_by_role(state: State) -> dict[str, dict[str, int]]:
    """What counts against the quota of each role and of those above it, by scalar."""
    state.supply.refresh(state.cluster, demand.scalar_names(state))
    known = demand.read(state)
    sums = sums_of_consumed(known.roles)
    return {
        role: {name: amount for name, amount in zip(known.names, sums[at], strict=True) if amount}
        for role, at in known.at.items()
    }


def _says_something(quota: RoleQuota) -> bool:
    return bool(quota.guarantees or quota.limits)


def _saved(state: State, role: str) -> Save:
    quota = state.quotas.get(role)
    return Save(QUOTA + role, codec.encode(quota) if quota is not None else None)


# --- what is refused -----------------------------------------------------------------------------


def _problem_with_form(quotas: Iterable[RoleQuota]) -> str | None:
    seen: set[str] = set()
    for quota in quotas:
        if problem := role_problem(quota.role):
            return problem
        if quota.role == "*":
            return "The default role '*' cannot have quota"
        if quota.role in seen:
            return f"Role '{quota.role}' is named twice"
        seen.add(quota.role)
        for name, amount in (*quota.guarantees.items(), *quota.limits.items()):
            if not 0 <= amount <= MAX_SCALAR * MILLI or not name:
                return f"Role '{quota.role}' cannot have a quota of {amount / MILLI} {name}"
    return None


def _problem_with_tree(quotas: Mapping[str, RoleQuota]) -> str | None:
    below: dict[str, dict[str, int]] = {}  # by parent: what its children are guaranteed
    for role, quota in quotas.items():
        for name, amount in quota.guarantees.items():
            if amount > quota.limits.get(name, amount):
                return f"Role '{role}' is guaranteed more {name} than its limit allows"
            if parent := role.rpartition("/")[0]:
                sums = below.setdefault(parent, {})
                sums[name] = sums.get(name, 0) + amount
    for parent, sums in below.items():
        own = quotas.get(parent, RoleQuota(role=parent))
        for name, amount in sums.items():
            if amount > own.guarantees.get(name, 0):
                return (
                    f"The roles below '{parent}' are guaranteed {_number(amount)} {name} together, "
                    f"'{parent}' itself only {_number(own.guarantees.get(name, 0))}"
                )
    return _problem_with_limits(quotas)


def _problem_with_limits(quotas: Mapping[str, RoleQuota]) -> str | None:
    for role, quota in quotas.items():
        for above in demand.parents(role):
            limits = quotas[above].limits if above in quotas else {}
            for name, amount in quota.limits.items():
                if amount > limits.get(name, amount):
                    return f"Role '{role}' has a higher limit of {name} than '{above}' above it"
    return None


def _overcommitted(state: State, quotas: Mapping[str, RoleQuota]) -> str | None:
    """Only top roles count: they are guaranteed at least what is guaranteed below them."""
    sums: dict[str, int] = {}
    for role, quota in quotas.items():
        if "/" not in role:
            for name, amount in quota.guarantees.items():
                sums[name] = sums.get(name, 0) + amount
    for name, amount in sums.items():
        there = state.cluster.totals.get(name, 0)
        if amount > there:
            return (
                f"{_number(amount)} {name} would be guaranteed, but all agents together have only "
                f"{_number(there)}; force the update to have it nevertheless"
            )
    return None


def _already_above(state: State, quotas: Iterable[RoleQuota]) -> str | None:
    """Only what cannot be taken back counts: offers can."""
    consumed = consumed_by_role(state)
    offered = _offered_by_role(state)
    for quota in quotas:
        for name, limit in quota.limits.items():
            has = consumed.get(quota.role, {}).get(name, 0)
            kept = has - offered.get(quota.role, {}).get(name, 0)
            if kept > limit:
                return (
                    f"Role '{quota.role}' has {_number(kept)} {name} already, more than the limit "
                    f"of {_number(limit)}; force the update to have it nevertheless"
                )
    return None


def _offered_by_role(state: State) -> dict[str, dict[str, int]]:
    """Offers that are taken back become free; what is reserved in them stays consumed."""
    sums: dict[str, dict[str, int]] = {}
    for offer in state.cluster.offers.values():
        for role in (*demand.parents(offer.role), offer.role):
            of = sums.setdefault(role, {})
            for name, amount in _taken_back(offer).items():
                of[name] = of.get(name, 0) + amount
    return sums


def _taken_back(offer: OutstandingOffer) -> dict[str, int]:
    counted = offer.resources.where(lambda kind: not kind.reservations and not kind.revocable)
    return counted.scalars()


def _number(milli: int) -> str:
    return f"{milli / MILLI:g}"


# --- enforcement ---------------------------------------------------------------------------------


def _rescind_excess(state: State, roles: Iterable[str]) -> None:
    """Take back offers, the newest first, until the roles are within their limits."""
    limited = {role: quota.limits for role in roles if (quota := state.quotas.get(role))}
    if not limited:
        return
    consumed = consumed_by_role(state)
    for offer in reversed(list(state.cluster.offers.values())):
        above = [r for r in (*demand.parents(offer.role), offer.role) if r in limited]
        taken = _taken_back(offer)
        if any(_exceeds(consumed.get(role, {}), limited[role], taken) for role in above):
            offers.take_back(state, offer, tell=True)
            for role in (*demand.parents(offer.role), offer.role):
                for name, amount in taken.items():
                    consumed[role][name] = consumed[role].get(name, 0) - amount


def _exceeds(consumed: Quantities, limits: Quantities, taken: Quantities) -> bool:
    return any(consumed.get(name, 0) > limit and taken.get(name) for name, limit in limits.items())
