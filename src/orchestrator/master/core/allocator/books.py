"""Quota while resources are divided: how much room a role has, and what is kept for whom.

A role may have no more than its limit and that of every role above it allows. It is *owed* what its
guarantee, and those above it, still lack. What all roles together are owed is kept free: others get
only what is to spare beyond that.

A guarantee of an inner role covers those below it, so an inner role is owed what its guarantee
lacks or what its children are owed together, whichever is more. Giving x to a role lowers the sum
of all that is owed by ``min(x, R)``, where R sums over the role and those above it what each is
owed beyond its children. So x harms nobody while ``x <= spare + R``; and neither of the two ever
grows while resources are handed out, so that whoever was passed over need not be asked again.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.master.core.allocator.problem import NO_LIMIT, ROOT, Lot, Problem, Role, Vector


class Books:
    """The quota of all roles, kept while they are given resources.

    By role: what it has ``consumed`` with all below it, what is owed to it and them (``owed_by``),
    and of that what is owed to them (``owed_below``). ``is_guaranteed`` says of which scalars there
    are guarantees for the role or above it.
    """

    def __init__(self, problem: Problem) -> None:
        self._roles: list[Role] = problem.roles
        self._free = list(problem.free)
        self._none = (0,) * len(problem.totals)
        self.consumed = sums_of_consumed(problem.roles)
        self.owed_by = [list(self._none) for _ in problem.roles]
        self.owed_below = [list(self._none) for _ in problem.roles]
        self.is_guaranteed = _is_guaranteed(problem.roles)
        has_limits = any(min(role.limit, default=NO_LIMIT) < NO_LIMIT for role in self._roles)
        self._has_guarantees = any(any(role.guarantee) for role in self._roles)
        self.is_empty = not has_limits and not self._has_guarantees
        if self._has_guarantees:
            for role in range(len(self._roles) - 1, -1, -1):
                self._update_owed(role)

    def is_any_owed(self) -> bool:
        """Whether some guarantee is not met."""
        return any(self.owed_by[ROOT])

    def room(self, role: int, above: int = ROOT, beside: Sequence[Lot] = ()) -> Vector:
        """How much more the limits of a role, and of those between it and ``above``, allow.

        ``beside``: counted lots that the role is to have too.
        """
        room = [NO_LIMIT] * len(self._none)
        while role != above:
            beside = [lot for lot in beside if lot.role != role]
            for i, limit in enumerate(self._roles[role].limit):
                if limit < NO_LIMIT:
                    rest = limit - self.consumed[role][i] - sum(lot.amount[i] for lot in beside)
                    room[i] = min(room[i], rest)
            role = self._roles[role].parent
        return tuple(room)

    def comes_first(self, role: int) -> bool:
        """Whether a role is owed some of everything that is guaranteed to it.

        One that has all the CPUs it is guaranteed and less memory is not served before others: it
        would get CPUs it is not owed, or an offer of memory alone. What it is owed is kept for it.
        """
        guaranteed = self.is_guaranteed[role]
        owed = zip(guaranteed, self.owed(role), strict=True)
        return any(guaranteed) and all(due for is_guaranteed, due in owed if is_guaranteed)

    def owed(self, role: int) -> Vector:
        """What a role may be given without anybody else being owed more than is free."""
        owed = list(self._none)
        while role != ROOT:
            for i, amount in enumerate(self.owed_by[role]):
                owed[i] += amount - self.owed_below[role][i]
            role = self._roles[role].parent
        return tuple(owed)

    def spare(self) -> Vector:
        """What is free beyond all that is owed."""
        return tuple([max(0, a - b) for a, b in zip(self._free, self.owed_by[ROOT], strict=True)])

    def charge(self, role: int, open_: Vector, lots: list[Lot]) -> None:
        """Note what a role was given; a lot counts below the role it is reserved for."""
        if self.is_empty:
            return
        self._free = [free - taken for free, taken in zip(self._free, open_, strict=True)]
        counted = [lot for lot in lots if lot.is_counted]
        while role != ROOT:
            counted = [lot for lot in counted if lot.role != role]
            for i, more in enumerate(open_):
                self.consumed[role][i] += more + sum(lot.amount[i] for lot in counted)
            if self._has_guarantees:
                self._update_owed(role)
            role = self._roles[role].parent
        if self._has_guarantees:
            self._update_owed(ROOT)

    def _update_owed(self, role: int) -> None:
        of, consumed, below = self._roles[role], self.consumed[role], self.owed_below[role]
        for i, guarantee in enumerate(of.guarantee):
            owed = max(below[i], guarantee - consumed[i])
            if role != ROOT:
                self.owed_below[of.parent][i] += owed - self.owed_by[role][i]
            self.owed_by[role][i] = owed


def _is_guaranteed(roles: list[Role]) -> list[list[bool]]:
    found: list[list[bool]] = []
    for position, role in enumerate(roles):
        own = [guarantee > 0 for guarantee in role.guarantee]
        above = found[role.parent] if position != ROOT else own
        found.append([a or b for a, b in zip(own, above, strict=True)])
    return found


def sums_of_consumed(roles: list[Role]) -> list[list[int]]:
    """What counts against the quota of each role: its own and all below it."""
    consumed = [list(role.consumed) for role in roles]
    for position in range(len(consumed) - 1, ROOT, -1):
        above = consumed[roles[position].parent]
        for i, amount in enumerate(consumed[position]):
            above[i] += amount
    return consumed
