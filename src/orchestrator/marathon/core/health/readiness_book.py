"""The last result of each readiness check, while a deployment waits for it. Nothing is saved."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.marathon.core.apps.app_parts import Part, always
from orchestrator.marathon.core.instance import Instance


class LastResponse(Part):
    """What a task answered; ``body`` holds the beginning."""

    status: int
    content_type: str = always(default="")
    body: str = always(default="")


class ReadinessResult(Part):
    """How far a task is with getting ready, as Marathon shows it."""

    name: str
    task_id: str
    ready: bool
    last_response: LastResponse | None = None


class ReadinessBook:
    """Results by instance; each has one readiness check at most."""

    def __init__(self) -> None:
        self._results: dict[str, ReadinessResult] = {}
        self._answers: dict[str, str] = {}

    def note(self, instance_id: str, result: ReadinessResult, answer: str) -> None:
        """Keep the last result, and in words what was answered ("was answered 503")."""
        self._results[instance_id] = result
        self._answers[instance_id] = answer

    def forget(self, instance_id: str) -> None:
        """The task has ended, or the deployment has."""
        self._results.pop(instance_id, None)
        self._answers.pop(instance_id, None)

    def answer(self, instance_id: str) -> str | None:
        """What was answered last, in words."""
        return self._answers.get(instance_id)

    def of(self, instances: Sequence[Instance]) -> list[ReadinessResult]:
        """What is known of these instances."""
        found = (self._results.get(instance.id) for instance in instances)
        return [result for result in found if result is not None]
