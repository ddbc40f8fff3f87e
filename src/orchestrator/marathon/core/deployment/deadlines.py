"""Deployments that must not take for ever.

A deployment may have a deadline. When it passes, the deployment is cancelled where it is, or rolled
back by another one. A rollback itself never has a deadline, so that nothing goes round in circles.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.deployment.plan import (
    Deadline,
    DeadlineWish,
    Deployment,
    OnDeadline,
)
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.marathon.core.state import State

DEADLINE = "deadline"


class Deadlines:
    """Gives deployments their deadlines, and acts when one passes."""

    def __init__(self, state: State, deployer: Deployer) -> None:
        self._state = state
        self._deployer = deployer

    def resume(self) -> None:
        """Set the alarms of deployments that an earlier process began."""
        for deployment in self._state.deployments.values():
            self._watch(deployment)

    def give(self, deployment: Deployment, wish: DeadlineWish) -> None:
        """Set the deadline of a deployment that has just begun, if it is to have one."""
        settings = self._state.settings
        after_s = settings.deployment_deadline_s if wish.after_s is None else wish.after_s
        if not after_s:
            return
        then = settings.on_deadline if wish.then is None else wish.then
        deadline = Deadline(at=self._state.now + after_s, after_seconds=after_s, then=then)
        deployment = replace(deployment, deadline=deadline)
        self._state.put_deployment(deployment)
        self._watch(deployment)

    def passed(self, deployment: Deployment, waiting_for: Sequence[str]) -> None:
        """The deadline has come, and the deployment still waits for this."""
        deadline = deployment.deadline
        if deadline is None:
            return
        why = "; ".join(waiting_for) or "it was about to end"
        reason = f"The deployment was not done within {deadline.after_seconds:g} s: {why}"
        self._deployer.cancel(deployment, reason)
        if deadline.then is OnDeadline.ROLLBACK:
            with suppress(Refusal):  # others have taken the ids meanwhile: it stays as it is
                self._deployer.submit(deployment.way_back, self._state.next_version(), force=True)

    def _watch(self, deployment: Deployment) -> None:
        if deployment.deadline is not None:
            self._state.timers.set(DEADLINE, deployment.id, deployment.deadline.at)


def sentence(deadline: Deadline) -> str:
    """What will happen when, for people."""
    done = "rolled back" if deadline.then is OnDeadline.ROLLBACK else "cancelled"
    return f"the deployment will be {done} if it is not done by {timestamps.render(deadline.at)}"
