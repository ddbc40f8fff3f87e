"""How instances of pods have ended lately, for the ``terminationHistory`` of a pod's status.

A part of ``state``, which saves what changes. The ends of a pod are numbered, and each takes the
key of the one that is forgotten for it: so there are never more keys than ends that are kept, and
an end costs one write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from orchestrator.marathon.core import keys
from orchestrator.marathon.core.condition import Goal
from orchestrator.marathon.core.instance import Instance
from orchestrator.runtime.machine import Save

MAX_ENDED = 10  # of one pod


class Ended(msgspec.Struct, frozen=True):
    """An instance as it was when it ended; ``number`` counts the ends of its pod."""

    number: int
    instance: Instance


class PodHistory:
    """The last instances that ended though they should have run."""

    def __init__(self) -> None:
        self._ended: dict[str, deque[Ended]] = {}

    def load(self, found: Iterable[Ended]) -> None:
        """Take up what was saved."""
        for ended in sorted(found, key=lambda one: one.number):
            self._of(ended.instance.app_id).append(ended)

    def remember(self, instance: Instance) -> list[Save]:
        """An instance has ended; it is as it was then."""
        if not instance.tasks or instance.goal is not Goal.RUNNING:
            return []
        ends = self._of(instance.app_id)
        ended = Ended(ends[-1].number + 1 if ends else 0, instance)
        ends.append(ended)
        return [Save(_key(ended), msgspec.json.encode(ended))]

    def of(self, pod_id: str) -> list[Instance]:
        """The last ended instances of a pod, newest first."""
        return [ended.instance for ended in reversed(self._ended.get(pod_id, ()))]

    def forget(self, pod_id: str) -> list[Save]:
        """The pod is gone."""
        return [Save(_key(ended), None) for ended in self._ended.pop(pod_id, ())]

    def _of(self, pod_id: str) -> deque[Ended]:
        return self._ended.setdefault(pod_id, deque(maxlen=MAX_ENDED))


def _key(ended: Ended) -> str:
    return f"{keys.ENDED}{ended.instance.app_id}@{ended.number % MAX_ENDED}"
