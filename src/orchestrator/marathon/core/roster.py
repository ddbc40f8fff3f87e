"""The instances of an app, sorted into cohorts that are alike in all that decides its next move.

An app of thousands of instances hears of every one of them. What to do next depends on how many
there are of each kind, and on which of a kind is the oldest or the youngest; so that is kept as
instances change, and never counted anew. There are few kinds: one for each configuration, goal and
condition in use, so that a look at all of them costs next to nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from orchestrator.marathon.core.apps.app_parts import KillSelection
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.instance import Instance


class Kind(NamedTuple):
    """What instances of a cohort share; everything that is asked of ``Cohort.like`` is in it."""

    config_version: str
    goal: Goal
    condition: Condition
    healthy: bool | None
    passed_readiness: bool

    @classmethod
    def of(cls, instance: Instance) -> Kind:
        """The kind of an instance."""
        return cls(
            instance.config_version,
            instance.goal,
            instance.condition,
            instance.healthy,
            instance.passed_readiness,
        )


Age = tuple[float, str]
"""When an instance was launched, or began to wait, and its id; the oldest is the smallest."""


def age(instance: Instance) -> Age:
    """By which instances are ordered."""
    return instance.staged_at or instance.scheduled_at, instance.id


class Cohort:
    """Instances of one kind; ``like`` is any of them, now or earlier."""

    __slots__ = ("_ages", "_members", "like")

    def __init__(self, like: Instance) -> None:
        self.like = like
        self._members: dict[str, Instance] = {}
        self._ages: list[Age] | None = None  # sorted; only once somebody has asked

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._members.values())

    def put(self, instance: Instance) -> None:
        """It belongs here from now on."""
        self._members[instance.id] = instance
        if self._ages is not None:
            insort(self._ages, age(instance))

    def drop(self, instance: Instance) -> None:
        """It does not belong here any more; as it was when it was put."""
        del self._members[instance.id]
        if self._ages is not None:
            del self._ages[bisect_left(self._ages, age(instance))]

    def first(self, selection: KillSelection, count: int) -> list[Instance]:
        """The ``count`` youngest or oldest of them, these first."""
        if count <= 0:
            return []
        if self._ages is None:
            self._ages = sorted(map(age, self))
        youngest_first = selection is KillSelection.YOUNGEST_FIRST
        ages = self._ages[: -count - 1 : -1] if youngest_first else self._ages[:count]
        return [self._members[instance_id] for _, instance_id in ages]


Cohorts = Sequence[Cohort]


def size(cohorts: Iterable[Cohort]) -> int:
    """How many instances there are in all of them."""
    return sum(map(len, cohorts))


class Roster:
    """All instances of one app or pod."""

    __slots__ = ("_cohorts",)

    def __init__(self) -> None:
        self._cohorts: dict[Kind, Cohort] = {}

    @classmethod
    def of(cls, instances: Iterable[Instance]) -> Roster:
        """Of these."""
        roster = cls()
        for instance in instances:
            roster.change(None, instance)
        return roster

    @property
    def cohorts(self) -> Collection[Cohort]:
        """All cohorts; none is empty."""
        return self._cohorts.values()

    @property
    def in_use(self) -> list[Cohort]:
        """Those of instances that are more than volumes which are kept."""
        return [cohort for cohort in self.cohorts if not cohort.like.is_out_of_use]

    def change(self, old: Instance | None, new: Instance | None) -> None:
        """An instance is another now, came (no ``old``) or went (no ``new``)."""
        if old is not None:
            self._drop(old)
        if new is not None:
            kind = Kind.of(new)
            cohort = self._cohorts.get(kind)
            if cohort is None:
                cohort = self._cohorts[kind] = Cohort(new)
            cohort.put(new)

    def _drop(self, old: Instance) -> None:
        kind = Kind.of(old)
        cohort = self._cohorts[kind]
        cohort.drop(old)
        if not cohort:
            del self._cohorts[kind]


NOBODY = Roster()
"""Of an app without instances; never changed."""
