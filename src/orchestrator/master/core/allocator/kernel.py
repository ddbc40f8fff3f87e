"""The compiled allocator: ``drf`` once more, over arrays. Imported by ``fast`` only.

Every function mirrors one of ``drf``, ``order`` or ``books``, which say why; this says only how it
is laid out. Positions are theirs: groups first, then roles, then clients. ``below`` holds
everybody's children in order of their shares, those of one parent side by side from
``first[parent]`` on. Loops are written out, so that nothing is allocated.

Sums stay below 2**53, which ``fast`` sees to, so that shares come out bit for bit as in Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

Ints = Any  # arrays; numba tells their types from what is passed
Floats = Any

# Without counted references to arrays, which cost five times what the work does: so nothing but
# ``divide`` may allocate an array. Without checks for divisors of 0: there are none.
compiled: Any = njit(cache=True, error_model="numpy", _nrt=False)  # type: ignore[call-overload]

NO_LIMIT = 2**62
GUARANTEES, FAIR_SHARES = 0, 1
HEAD = 3  # columns of a grant before its open part: client, candidate, has_extras


class Tree(NamedTuple):
    """All competitors, as in ``order``."""

    parent: Ints
    weight: Floats
    share: Floats
    allocated: Ints  # by scalar
    first: Ints
    count: Ints
    below: Ints
    totals: Ints


class Quota(NamedTuple):
    """The books of all roles, as in ``books``."""

    parent: Ints
    consumed: Ints  # by scalar, as all of these
    guarantee: Ints
    limit: Ints
    owed: Ints
    owed_below: Ints
    is_guaranteed: Ints
    free: Ints
    is_empty: bool


class Clients(NamedTuple):
    """Who wants something; ``minima`` are the rows from ``first_minimum`` on."""

    role: Ints
    has: Ints
    minimum: Ints
    first_minimum: Ints
    minima: Ints


class Agents(NamedTuple):
    """What there is; lots and refusals of one agent stand side by side."""

    open: Ints
    has_extras: Ints
    needs: Ints
    first_lot: Ints
    lot_role: Ints
    lot_needs: Ints
    lot_is_counted: Ints
    lot_amount: Ints
    lot_grant: Ints  # who has it, -1 for nobody
    first_refusal: Ints
    refusal_client: Ints
    refusal_open: Ints
    refusal_covers_rest: Ints


class Scratch(NamedTuple):
    """Room to work in, allocated once."""

    asked: Ints  # by client: the last serving it was asked in
    refusal: Ints  # by client: its refusal of this agent, -1 for none
    stack: Ints  # where the walk over the tree stands, by depth
    place: Ints
    room: Ints  # by scalar, as all that follow
    owed: Ints
    counted: Ints
    amount: Ints
    part: Ints
    is_chosen: Ints  # by lot of an agent


@compiled
def add_to(amount: Ints, rows: Ints, row: int) -> None:
    """Add a row."""
    for i in range(amount.size):
        amount[i] += rows[row, i]


@compiled
def is_some(amount: Ints) -> bool:
    """Whether there is anything."""
    found = False
    for i in range(amount.size):
        found |= amount[i] != 0
    return found


@compiled
def clear(amount: Ints) -> None:
    """Set to nothing."""
    for i in range(amount.size):
        amount[i] = 0


@compiled
def fits(part: Ints, rows: Ints, row: int) -> bool:
    """``problem.fits`` into a row."""
    is_fitting = True
    for i in range(part.size):
        is_fitting &= part[i] <= rows[row, i]
    return is_fitting


@compiled
def comes_before(tree: Tree, one: int, other: int) -> bool:
    """Whether one competitor is ranked before another."""
    if tree.share[one] != tree.share[other]:
        return tree.share[one] < tree.share[other]
    return one < other


@compiled
def rank(tree: Tree, entry: int) -> None:
    """Bring a share up to date."""
    share = 0.0
    for i in range(tree.totals.size):
        if tree.totals[i] > 0:
            share = max(share, tree.allocated[entry, i] / tree.totals[i])
    tree.share[entry] = share / tree.weight[entry]


@compiled
def find(tree: Tree, low: int, high: int, entry: int) -> int:
    """The first place in ``below`` between two whose occupant is not ranked before the entry."""
    while low < high:
        middle = (low + high) // 2
        if comes_before(tree, tree.below[middle], entry):
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def charge_tree(tree: Tree, entry: int, amount: Ints) -> None:
    """``Order.charge``: shares only grow, so everybody moves back in its row."""
    while entry >= 0:
        parent = tree.parent[entry]
        place = end = 0
        if parent >= 0:
            end = tree.first[parent] + tree.count[parent]
            place = find(tree, tree.first[parent], end, entry)
        for i in range(amount.size):
            tree.allocated[entry, i] += amount[i]
        rank(tree, entry)
        if parent >= 0:
            target = find(tree, place + 1, end, entry) - 1
            for i in range(np.uint64(place), np.uint64(target)):  # unsigned: one memmove
                tree.below[i] = tree.below[i + np.uint64(1)]
            tree.below[target] = entry
        entry = parent


@compiled
def update_owed(quota: Quota, role: int) -> None:
    """``Books._update_owed``."""
    for i in range(quota.free.size):
        owed = max(quota.owed_below[role, i], quota.guarantee[role, i] - quota.consumed[role, i])
        if role:
            quota.owed_below[quota.parent[role], i] += owed - quota.owed[role, i]
        quota.owed[role, i] = owed


@compiled
def set_room(
    quota: Quota, agents: Agents, scratch: Scratch, at: int, path: tuple[int, int]
) -> None:
    """``Books.room``, beside the lots chosen; ``path``: from a role to one above it."""
    role, above = path
    first, last = agents.first_lot[at], agents.first_lot[at + 1]
    for i in range(scratch.room.size):
        scratch.room[i] = NO_LIMIT
    while role != above:
        clear(scratch.counted)
        for lot in range(first, last):
            is_counted = scratch.is_chosen[lot - first] and agents.lot_is_counted[lot]
            if is_counted and agents.lot_role[lot] < role:  # what is above has a smaller position
                add_to(scratch.counted, agents.lot_amount, lot)
        for i in range(scratch.room.size):
            if quota.limit[role, i] < NO_LIMIT:
                rest = quota.limit[role, i] - quota.consumed[role, i] - scratch.counted[i]
                scratch.room[i] = min(scratch.room[i], rest)
        role = quota.parent[role]


@compiled
def set_owed(quota: Quota, role: int, owed: Ints) -> bool:
    """``Books.owed``, and ``Books.comes_first``."""
    clear(owed)
    asked = role
    while role:
        for i in range(owed.size):
            owed[i] += quota.owed[role, i] - quota.owed_below[role, i]
        role = quota.parent[role]
    has_some, has_all = False, True
    for i in range(owed.size):
        if quota.is_guaranteed[asked, i]:
            has_some = True
            has_all &= owed[i] > 0
    return has_some and has_all


@compiled
def charge_quota(
    quota: Quota, agents: Agents, scratch: Scratch, lots: tuple[int, int, int], role: int
) -> None:
    """``Books.charge``; ``lots``: the first and last of the agent, and whose are charged."""
    first, last, grant = lots
    counted, part = scratch.counted, scratch.part
    for i in range(part.size):
        quota.free[i] -= part[i]
    while role:
        clear(counted)
        for lot in range(first, last):
            is_charged = agents.lot_grant[lot] == grant and agents.lot_is_counted[lot]
            if is_charged and agents.lot_role[lot] < role:  # what is above has the smaller position
                add_to(counted, agents.lot_amount, lot)
        for i in range(part.size):
            quota.consumed[role, i] += part[i] + counted[i]
        update_owed(quota, role)
        role = quota.parent[role]
    update_owed(quota, 0)


@compiled
def reaches(clients: Clients, minimum: int, amount: Ints) -> bool:
    """``problem.reaches``."""
    first, last = clients.first_minimum[minimum], clients.first_minimum[minimum + 1]
    for row in range(first, last):
        is_reached = True
        for i in range(amount.size):
            is_reached &= clients.minima[row, i] <= amount[i]
        if is_reached:
            return True
    return first == last


@compiled
def is_at_or_above(quota: Quota, role: int, other: int) -> bool:
    """Whether a role is the other one or above it."""
    while other > role:  # what is above has the smaller position
        other = quota.parent[other]
    return other == role


@compiled
def choose_lots(
    quota: Quota, agents: Agents, scratch: Scratch, at: int, role: int, has: int
) -> None:
    """``_Division._lots_for``."""
    first = agents.first_lot[at]
    for lot in range(first, agents.first_lot[at + 1]):
        if agents.lot_grant[lot] >= 0 or agents.lot_needs[lot] & ~has:
            continue
        if not is_at_or_above(quota, agents.lot_role[lot], role):
            continue
        if agents.lot_is_counted[lot] and agents.lot_role[lot] != role and not quota.is_empty:
            set_room(quota, agents, scratch, at, (role, agents.lot_role[lot]))
            is_fitting = True
            for i in range(scratch.room.size):
                is_fitting &= agents.lot_amount[lot, i] <= scratch.room[i]
            if not is_fitting:
                continue
        scratch.is_chosen[lot - first] = True
        add_to(scratch.amount, agents.lot_amount, lot)


@compiled
def set_part(
    quota: Quota, scratch: Scratch, agents: Agents, at: int, role_and_stage: tuple[int, int]
) -> None:
    """``_Division._part_owed`` and ``_part_fair``."""
    role, stage = role_and_stage
    if quota.is_empty:
        clear(scratch.part)
        add_to(scratch.part, agents.open, at)
        return
    set_room(quota, agents, scratch, at, (role, 0))
    set_owed(quota, role, scratch.owed)
    meets_some = False
    for i in range(quota.free.size):
        due, spare = scratch.owed[i], max(0, quota.free[i] - quota.owed[0, i])
        if stage == GUARANTEES:
            is_due = quota.is_guaranteed[role, i]
            most = min(scratch.room[i], due if is_due else spare)
            meets_some |= is_due and min(agents.open[at, i], most) > 0
        else:
            most = min(scratch.room[i], spare + due)
        scratch.part[i] = max(0, min(agents.open[at, i], most))
    if stage == GUARANTEES and not meets_some:
        clear(scratch.part)


@compiled
def set_portion(
    quota: Quota, agents: Agents, scratch: Scratch, at: int, who: tuple[int, int, int]
) -> bool:
    """``_Division._portion``; ``who``: role, capabilities, stage. Whether it is anything."""
    role, has, stage = who
    clear(scratch.amount)
    for lot in range(scratch.is_chosen.size):
        scratch.is_chosen[lot] = False
    if stage == FAIR_SHARES:
        choose_lots(quota, agents, scratch, at, role, has)
    set_part(quota, scratch, agents, at, (role, stage))
    for i in range(scratch.amount.size):
        scratch.amount[i] += scratch.part[i]
    return is_some(scratch.amount)


@compiled
def takes(clients: Clients, agents: Agents, scratch: Scratch, at: int, client: int) -> bool:
    """``_Division._takes``."""
    if not reaches(clients, clients.minimum[client], scratch.amount):
        return False
    refusal = scratch.refusal[client]
    if refusal < 0 or not fits(scratch.part, agents.refusal_open, refusal):
        return True
    if agents.refusal_covers_rest[refusal]:
        return False
    has_rest = bool(agents.has_extras[at])
    for lot in range(agents.first_lot[at + 1] - agents.first_lot[at]):
        has_rest |= scratch.is_chosen[lot]
    return has_rest


@compiled
def first_taker(
    tree: Tree, quota: Quota, clients: Clients, agents: Agents, scratch: Scratch,
    turn: tuple[int, int, int], group: int,
) -> int:  # fmt: skip
    """``_Division._serve_role``: the client that takes its portion, -1 for none."""
    at, serving, stage = turn
    roles = quota.parent.size
    computed, is_some = -1, False
    for place in range(tree.first[group], tree.first[group] + tree.count[group]):
        client = tree.below[place] - 2 * roles
        has = clients.has[client]
        if scratch.asked[client] == serving or agents.needs[at] & ~has:
            continue
        if has != computed:
            computed = has
            is_some = set_portion(quota, agents, scratch, at, (group, has, stage))
        if is_some and takes(clients, agents, scratch, at, client):
            return client
        scratch.asked[client] = serving
    return -1


@compiled
def serve_next(
    tree: Tree, quota: Quota, clients: Clients, agents: Agents, scratch: Scratch,
    turn: tuple[int, int, int],
) -> int:  # fmt: skip
    """``_Division._serve_next``, the walk over the tree written out: who takes it, or -1.

    A turn is the agent's position, a number of its own to mark with whom it was shown to, and the
    stage.
    """
    roles = quota.parent.size
    depth = 0
    scratch.stack[0], scratch.place[0] = roles, 0
    while depth >= 0:
        role, place = scratch.stack[depth], scratch.place[depth]
        if place == tree.count[role]:
            depth -= 1
            continue
        scratch.place[depth] += 1
        entry = tree.below[tree.first[role] + place]
        if entry >= roles:
            depth += 1
            scratch.stack[depth], scratch.place[depth] = entry, 0
            continue
        if turn[2] == GUARANTEES and not set_owed(quota, entry, scratch.owed):
            continue
        client = first_taker(tree, quota, clients, agents, scratch, turn, entry)
        if client >= 0:
            return client
    return -1


@compiled
def is_worth_serving(clients: Clients, agents: Agents, scratch: Scratch, at: int) -> bool:
    """``_Division._is_worth_serving``."""
    amount = scratch.amount
    for i in range(amount.size):
        amount[i] = agents.open[at, i]
    for lot in range(agents.first_lot[at], agents.first_lot[at + 1]):
        if agents.lot_grant[lot] < 0:
            add_to(amount, agents.lot_amount, lot)
    if not is_some(amount):
        return False
    for minimum in range(clients.first_minimum.size - 1):
        if reaches(clients, minimum, amount):
            return True
    return False


@compiled
def give(
    tree: Tree, quota: Quota, clients: Clients, agents: Agents, scratch: Scratch,
    grants: Ints, grant: int,
) -> None:  # fmt: skip
    """``_Division._give``: the row ``grant`` names client and agent, and is completed."""
    client, at = grants[grant, 0], grants[grant, 1]
    grants[grant, 2] = agents.has_extras[at]
    for i in range(scratch.part.size):
        grants[grant, HEAD + i] = scratch.part[i]
        agents.open[at, i] -= scratch.part[i]
    first, last = agents.first_lot[at], agents.first_lot[at + 1]
    for lot in range(first, last):
        if scratch.is_chosen[lot - first]:
            agents.lot_grant[lot] = grant
    agents.has_extras[at] = 0
    charge_tree(tree, 2 * quota.parent.size + client, scratch.amount)
    if not quota.is_empty:
        charge_quota(quota, agents, scratch, (first, last, grant), clients.role[client])


@compiled
def set_refusals(agents: Agents, scratch: Scratch, at: int, is_set: int) -> None:
    """Note which clients refused something of an agent, or forget it again."""
    for refusal in range(agents.first_refusal[at], agents.first_refusal[at + 1]):
        scratch.refusal[agents.refusal_client[refusal]] = refusal if is_set else -1


@njit(cache=True, forceinline=True, error_model="numpy")
def divide(tree: Tree, quota: Quota, clients: Clients, agents: Agents, scratch: Scratch) -> Ints:
    """``drf.divide``: a row for each share; ``agents.lot_grant`` says which lots belong to it."""
    count = agents.needs.size
    grants = np.empty((count + 16, HEAD + tree.totals.size), np.int64)
    granted = 0
    for stage in (GUARANTEES, FAIR_SHARES):
        if stage == GUARANTEES and not quota.owed[0].any():
            continue
        for at in range(count):
            set_refusals(agents, scratch, at, 1)
            serving = stage * count + at + 1
            while is_worth_serving(clients, agents, scratch, at):
                turn = (at, serving, stage)
                client = serve_next(tree, quota, clients, agents, scratch, turn)
                if client < 0:
                    break
                if granted == len(grants):
                    grants = np.concatenate((grants, np.empty_like(grants)))
                grants[granted, 0], grants[granted, 1] = client, at
                give(tree, quota, clients, agents, scratch, grants, granted)
                scratch.asked[client] = serving
                granted += 1
            set_refusals(agents, scratch, at, 0)
    return grants[:granted]
