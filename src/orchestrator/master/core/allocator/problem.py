"""What is to be divided among whom, in whole numbers: the input of every allocator.

Scalars are vectors in thousandths, one position a name; roles, clients and candidates are known by
their position. So the plain allocator (``drf``) and the compiled one (``fast``) are given exactly
the same, can be compared grant by grant, and know nothing of messages, filters or time.

Roles form a tree. Position 0 is its root, of which every top-level role is a child; a parent comes
before its children, and siblings are in the order of their names, which settles ties.
"""

from __future__ import annotations

from operator import le

import msgspec

Vector = tuple[int, ...]

NO_LIMIT = 2**62  # thousandths; an amount that nothing reaches
ROOT = 0


class Role(msgspec.Struct, frozen=True):
    """A role; sums over the roles below it are the allocator's business.

    ``allocated`` is what all frameworks have in exactly this role, offers included, and counts for
    fairness. ``consumed`` counts for quota: the same without revocable resources, and what is
    reserved for exactly this role and allocated to nobody. ``guarantee`` is 0 and ``limit``
    ``NO_LIMIT`` where nothing is set.
    """

    parent: int
    weight: float
    allocated: Vector
    consumed: Vector
    guarantee: Vector
    limit: Vector


class Client(msgspec.Struct, frozen=True):
    """A framework in one of its roles, wanting offers; ``has`` are its capabilities as bits.

    ``minimum`` says which of ``Problem.minima`` an offer has to reach.
    """

    role: int
    allocated: Vector
    has: int = 0
    minimum: int = 0


class Lot(msgspec.Struct, frozen=True):
    """Free resources of an agent that go to one client as a whole.

    Offered to clients in ``role`` or below it (``ROOT``: to all) that have the capabilities
    ``needs``. ``is_counted``: it uses up quota of the roles below the one it is reserved for.
    """

    role: int
    amount: Vector
    needs: int = 0
    is_counted: bool = True


class Refusal(msgspec.Struct, frozen=True):
    """A client does not want an offer of this agent that is contained in what it refused.

    ``open`` are the scalars it refused of the open part; ``covers_rest`` says whether all the rest
    that the agent has for it was refused too.
    """

    client: int
    open: Vector
    covers_rest: bool


class Candidate(msgspec.Struct, frozen=True):
    """An agent with something free.

    ``open`` are unreserved scalars, of which any part may be offered; ``has_extras``: there are
    unreserved ranges or sets, which go with the first offer. ``needs`` are capabilities without
    which a framework is not offered this agent at all.
    """

    open: Vector
    lots: tuple[Lot, ...] = ()
    has_extras: bool = False
    needs: int = 0
    refusals: tuple[Refusal, ...] = ()


class Problem(msgspec.Struct, frozen=True):
    """All that decides who gets what.

    ``totals`` are the cluster's scalars. ``free`` is the open part of all agents, candidates and
    others: of it the guarantees that are not met are kept. ``minima`` are alternatives of which an
    offer must reach one, ``()`` meaning that anything will do. Candidates are served in order.
    """

    totals: Vector
    free: Vector
    roles: list[Role]
    clients: list[Client]
    minima: list[tuple[Vector, ...]]
    candidates: list[Candidate]


class Share(msgspec.Struct, frozen=True, gc=False):
    """What a client is to be offered of a candidate: the ``lots`` by their position there."""

    client: int
    candidate: int
    open: Vector
    has_extras: bool
    lots: tuple[int, ...] = ()


def add(left: Vector, right: Vector) -> Vector:
    """The sum."""
    return tuple([a + b for a, b in zip(left, right, strict=True)])


def subtract(left: Vector, right: Vector) -> Vector:
    """The difference, which may be negative."""
    return tuple([a - b for a, b in zip(left, right, strict=True)])


def fits(part: Vector, whole: Vector) -> bool:
    """Whether no scalar of the part exceeds that of the whole."""
    return all(map(le, part, whole))


def reaches(amount: Vector, minimum: tuple[Vector, ...]) -> bool:
    """Whether resources are enough to be worth an offer."""
    return not minimum or any(fits(least, amount) for least in minimum)
