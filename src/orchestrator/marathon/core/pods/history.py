"""How instances of pods have ended lately, for the ``terminationHistory`` of a pod's status."""

from __future__ import annotations

from collections import deque

from orchestrator.marathon.core.condition import Goal
from orchestrator.marathon.core.instance import Instance

MAX_ENDED = 10  # of one pod


class PodHistory:
    """The last instances that ended though they should have run; kept in memory only."""

    def __init__(self) -> None:
        self._ended: dict[str, deque[Instance]] = {}

    def remember(self, instance: Instance) -> None:
        """An instance has ended; it is as it was then."""
        if instance.tasks and instance.goal is Goal.RUNNING:
            self._ended.setdefault(instance.app_id, deque(maxlen=MAX_ENDED)).append(instance)

    def of(self, pod_id: str) -> list[Instance]:
        """The last ended instances of a pod, newest first."""
        return list(reversed(self._ended.get(pod_id, ())))

    def forget(self, pod_id: str) -> None:
        """The pod is gone."""
        self._ended.pop(pod_id, None)
