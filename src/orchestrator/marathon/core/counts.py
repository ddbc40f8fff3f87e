"""How often what was asked of the master, since this process began; for the metrics."""

from __future__ import annotations

from orchestrator.mesos.scheduler import Call, CallType


class Counts:
    """Plain numbers that only grow."""

    def __init__(self) -> None:
        self.revived = 0
        self.suppressed = 0
        self.offers_used = 0
        self.offers_declined = 0
        self.launches = 0  # operations, of one or more tasks
        self.tasks_launched = 0

    def count(self, call: Call) -> None:
        """One more call."""
        if call.accept is not None:
            self.offers_used += len(call.accept.offer_ids)
            launches = [operation.launch for operation in call.accept.operations]
            self.launches += sum(launch is not None for launch in launches)
            self.tasks_launched += sum(len(launch.task_infos) for launch in launches if launch)
        elif call.decline is not None:
            self.offers_declined += len(call.decline.offer_ids)
        self.revived += call.type is CallType.REVIVE
        self.suppressed += call.type is CallType.SUPPRESS
