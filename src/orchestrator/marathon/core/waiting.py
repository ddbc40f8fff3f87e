"""Says in sentences what a deployment waits for, and why that does not come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.deployment import deadlines
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.deployment.plan import Deployment
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.placement.launcher import Launcher
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State

_MAX_EXAMPLES = 3


class Explainer:
    """Looks at a deployment and changes nothing."""

    def __init__(
        self, state: State, deployer: Deployer, launcher: Launcher, lifecycle: Lifecycle
    ) -> None:
        self._state = state
        self._deployer = deployer
        self._launcher = launcher
        self._lifecycle = lifecycle

    def waiting_for(self, deployment: Deployment) -> list[str]:
        """One sentence for each app that holds the deployment up, and what concerns all."""
        sentences = self.obstacles(deployment)
        if deployment.deadline is not None:
            sentences.append(deadlines.sentence(deployment.deadline))
        return sentences

    def obstacles(self, deployment: Deployment) -> list[str]:
        """The same without what will happen at the deadline."""
        sentences = [
            sentence + "".join(self._reasons(app_id))
            for app_id, sentence in self._deployer.waiting_for(deployment).items()
        ]
        if not self._state.is_connected:
            sentences.append("Marathon is not connected to a master")
        return sentences

    def _reasons(self, app_id: str) -> Iterator[str]:
        app = self._state.effective(app_id)
        if app is not None and app_id in self._state.waiting:
            yield self._why_not_launched(app)
        if isinstance(app, App) and (app.health_checks or app.readiness_checks):
            new = [
                instance
                for instance in self._state.instances_of(app_id)
                if instance.is_active and instance.config_version == app.config_version
            ]
            yield from _of_health(self._state, app, new)
            yield from _of_readiness(self._state, app, new)

    def _why_not_launched(self, spec: RunSpec) -> str:
        until = self._lifecycle.is_delayed(spec)
        if until is not None:
            failure = self._state.failures.get(spec.id)
            why = f" ({failure.state}: {failure.message})" if failure else ""
            return f": launches are delayed until {timestamps.render(until)}, as one failed{why}"
        stats = self._launcher.stats.get(spec.id)
        return f": {stats.sentence()}" if stats else ""


def _of_health(state: State, app: App, instances: Sequence[Instance]) -> Iterator[str]:
    for instance in [i for i in instances if i.is_serving or i.healthy is False][:_MAX_EXAMPLES]:
        for index, check in enumerate(app.health_checks):
            health = state.health.health(instance.id, index)
            if count := health.consecutive_failures:
                yield (
                    f"; the {check.protocol} health check of {instance.id} has failed "
                    f"{count} time{'s' * (count != 1)}: {health.last_failure_cause}"
                )
            elif cause := state.health.excused(instance.id, index):
                name = f"the {check.protocol} health check of {instance.id}"
                yield f"; {name} fails in its grace period: {cause}"


def _of_readiness(state: State, app: App, instances: Sequence[Instance]) -> Iterator[str]:
    missing = [i for i in instances if i.is_serving and not i.is_ready(app)]
    for instance in missing[:_MAX_EXAMPLES]:
        if answer := state.readiness.answer(instance.id):
            yield f"; the readiness check of {instance.id} {answer}"
