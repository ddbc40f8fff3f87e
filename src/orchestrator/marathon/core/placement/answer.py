"""What is done with one offer, in one ACCEPT.

An offer is gone once it is accepted, so all that is launched on it goes in one call, and a master
takes calls up to a size only. What would make the call larger waits for the offer's rest, which is
wanted back at once. What is too large alone can never be sent. Sizes are those of JSON, which no
other form exceeds.
"""

from __future__ import annotations

from enum import Enum, auto

from orchestrator.marathon.core.placement.matching import OpenOffer
from orchestrator.mesos import codec
from orchestrator.mesos.scheduler import Launch, LaunchGroup, Operation, OperationType
from orchestrator.mesos.types import TaskInfo

_MB = 1_000_000


class Room(Enum):
    """Whether a launch can go with the call."""

    ENOUGH = auto()
    WITH_THE_NEXT = auto()  # the call is full
    NEVER = auto()  # the launch is larger than any call


class Answer:
    """What is done with an offer; nothing means that it is declined."""

    def __init__(self, offer: OpenOffer, max_bytes: int) -> None:
        self.offer = offer
        self.operations: list[Operation] = []
        self.is_wanted_back = False  # at once: what is made of it is used next
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tasks: list[TaskInfo] = []
        self._groups: list[LaunchGroup] = []

    def add(self, launch: TaskInfo | LaunchGroup) -> Room:
        """Launch this too, if there is room for it."""
        size = len(codec.encode(launch))
        if size > self._max_bytes:
            return Room.NEVER
        if self._bytes + size > self._max_bytes:
            self.offer.is_full = self.is_wanted_back = True
            return Room.WITH_THE_NEXT
        self._bytes += size
        match launch:
            case TaskInfo():
                self._tasks.append(launch)
            case LaunchGroup():
                self._groups.append(launch)
        return Room.ENOUGH

    def all_operations(self) -> list[Operation]:
        """In the order in which they have to be done."""
        launches = [
            Operation(type=OperationType.LAUNCH_GROUP, launch_group=group) for group in self._groups
        ]
        if self._tasks:
            launch = Launch(task_infos=self._tasks)
            launches.insert(0, Operation(type=OperationType.LAUNCH, launch=launch))
        return [*self.operations, *launches]


def why_never(launch: TaskInfo | LaunchGroup, max_bytes: int) -> str:
    """Why it can never be sent, for people."""
    size = len(codec.encode(launch)) / _MB
    return (
        f"the launch is a message of {size:.1f} MB, and the master takes no more than"
        f" {max_bytes / _MB:.1f} MB: make the environment, labels or commands smaller"
    )
