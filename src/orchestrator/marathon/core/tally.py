"""How many instances an app has, by what matters to its next move; kept, not counted.

An app of thousands of instances hears of every one of them. Most of what it hears changes nothing
about what to do next, and that can be told from these numbers without a look at its instances.
"""

from __future__ import annotations

from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.instance import Instance


class Tally:
    """The numbers of one app."""

    __slots__ = ("active", "present", "running", "total", "wanted")

    def __init__(self) -> None:
        self.total = 0
        self.wanted = 0  # not asked to end for good
        self.present = 0  # not suspended, nor lost and replaced: nobody waits for such
        self.active = 0  # count towards what the app wants to have
        self.running = 0  # active and running, healthy or not

    def count(self, instance: Instance, change: int) -> None:
        """One more like this (1), or one fewer (-1)."""
        self.total += change
        self.wanted += change * (instance.goal is not Goal.DECOMMISSIONED)
        self.present += change * (not instance.is_out_of_use and not _is_replaced(instance))
        if instance.is_active:
            self.active += change
            self.running += change * (instance.condition is Condition.RUNNING)

    def is_waiting(self, wanted: int) -> bool:
        """Whether there are as many as wanted, and some still have to start or to end.

        Then nothing is to be started or stopped, and the app is not as it should be yet.
        """
        return self.active == wanted and (self.running < self.active or self.active < self.present)


def _is_replaced(instance: Instance) -> bool:
    lost = instance.condition is Condition.UNREACHABLE_INACTIVE
    return lost and instance.goal is Goal.RUNNING


NONE = Tally()
"""Of an app without instances; never changed."""
