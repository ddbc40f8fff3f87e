"""Runs deployments, and keeps every app at what it wants when none is under way.

For each app there is one question, asked again whenever anything about it changed: which move comes
next? The answer is a pure function of what the app wants and what there is (``rolling``); which
function depends on the action that a deployment is at, if any. A step is done when no action of it
has a move left or anything to wait for. So a deployment holds no counters: after a restart it goes
on from what is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.condition import Goal
from orchestrator.marathon.core.deployment import plan, rolling
from orchestrator.marathon.core.deployment.plan import (
    Action,
    ActionKind,
    Course,
    Deployment,
    Draft,
    Step,
)
from orchestrator.marathon.core.deployment.rolling import Move
from orchestrator.marathon.core.events import (
    AppTerminated,
    DeploymentFailed,
    DeploymentProgress,
    DeploymentSucceeded,
    GroupChanged,
    Plan,
)
from orchestrator.marathon.core.groups import structure
from orchestrator.marathon.core.groups.tree import Change
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.refusals import AppLocked, TooManyDeployments
from orchestrator.marathon.core.roster import size
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State


class Deployer:
    """Decides when instances start and stop."""

    def __init__(self, state: State, lifecycle: Lifecycle) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._holding_up: dict[str, int] = {}  # by deployment: an action that was not done
        self._moves: dict[str, tuple[int, Move]] = {}  # by app, with the revision it is for

    def submit(
        self,
        change: Change,
        version: str,
        *,
        force: bool,
        chosen: Mapping[str, list[str]] | None = None,
        group_id: str = ids.ROOT,
    ) -> Deployment:
        """Begin a change; ``chosen`` are instances to stop first, by app.

        ``group_id`` is the group that listeners are told of. With ``force``, deployments of the
        same apps are cancelled. Raises AppLocked, TooManyDeployments or InvalidObject, having
        changed nothing.
        """
        draft = self._draft(change)
        self._unlock(draft.affected, force)
        deployment = draft.deployment(self._state.new_id(), version, chosen or {})
        self._state.change_tree(draft.change, version)
        self._state.put_deployment(deployment)
        self._state.publish(
            GroupChanged(timestamp=self._state.timestamp, group_id=group_id, version=version)
        )
        if not deployment.steps:  # nothing is different: no app is dirty that would see to it
            self._advance(deployment)
        return deployment

    def steps(self, change: Change) -> list[Step]:
        """What would be done for a change. Raises InvalidObject."""
        return self._draft(change).steps

    def _draft(self, change: Change) -> Draft:
        settings = self._state.settings
        tree = self._state.tree
        change = structure.completed(tree, change, enforces=settings.enforces_new_group_roles)
        structure.check(tree, change, settings.max_apps)
        wanted = {a: app for a, app in change.specs.items() if app is not None}
        return plan.draft(tree, change, self._with_outdated(wanted))

    def cancel(self, deployment: Deployment, reason: str) -> None:
        """End a deployment where it is."""
        self._state.drop_deployment(deployment)
        self._holding_up.pop(deployment.id, None)
        self._state.publish(
            DeploymentFailed(
                timestamp=self._state.timestamp,
                id=deployment.id,
                plan=_plan(deployment),
                reason=reason,
            )
        )

    def settle(self) -> set[str]:
        """Make every move that is possible now, until no app is dirty; return those that were."""
        settled: set[str] = set()
        for deployment in [d for d in self._state.deployments.values() if not d.steps]:
            self._advance(deployment)  # it changes nothing, so that no app leads to it below
        while self._state.dirty:
            dirty = sorted(self._state.dirty.take())
            settled.update(dirty)
            for app_id in dirty:
                self._tend(app_id)
            for deployment_id in self._deploying(dirty):
                if (found := self._state.deployments.get(deployment_id)) is not None:
                    self._advance(found)
        return settled

    def _deploying(self, app_ids: Iterable[str]) -> list[str]:
        """The deployments that are changing one of these apps, each once."""
        courses = map(self._state.courses.get, app_ids)
        return list(dict.fromkeys(course.deployment.id for course in courses if course))

    def waiting_for(self, deployment: Deployment) -> dict[str, str]:
        """What the deployment waits for: a sentence for each app that holds it up."""
        return {
            action.spec_id: self._explain(action.spec_id)
            for action in deployment.actions
            if not self._is_done(action)
        }

    def _unlock(self, affected: Sequence[str], force: bool) -> None:
        locking = [self._state.deployments[i] for i in self._deploying(affected)]
        if locking and not force:
            raise AppLocked([deployment.id for deployment in locking])
        limit = self._state.settings.max_running_deployments
        if len(self._state.deployments) - len(locking) >= limit:
            raise TooManyDeployments(limit)
        for deployment in locking:
            self.cancel(deployment, "The deployment has been replaced by another with force=true")

    def _with_outdated(self, wanted: Mapping[str, RunSpec]) -> set[str]:
        """Apps with instances that neither the current nor the wanted configuration explains."""
        return {
            app_id
            for app_id, app in wanted.items()
            if any(rolling.is_outdated(c.like, app) for c in self._state.roster_of(app_id).cohorts)
        }

    def _tend(self, app_id: str) -> None:
        move = self._move(app_id)
        for instance_id in move.stop:
            self._lifecycle.stop(instance_id)
        app = self._state.effective(app_id)
        if app is not None and move.start:
            self._start(app, move.start)

    def _start(self, app: RunSpec, count: int) -> None:
        """Instances that were stopped with their volumes come first, once they have ended."""
        cohorts = self._state.roster_of(app.id).cohorts
        stopped = [c for c in cohorts if c.like.goal is Goal.STOPPED]
        ending = size(c for c in stopped if not c.like.is_out_of_use)
        for instance in [i for c in stopped if c.like.is_suspended for i in c][:count]:
            self._state.put(instance.relaunched(app, self._state.now))
            count -= 1
        for _ in range(count - ending):
            instance = Instance.scheduled(app, self._state.new_id(), self._state.now)
            self._state.put(instance)

    def _move(self, app_id: str) -> Move:
        """The next move; thought out anew only when something about the app has changed."""
        revision = self._state.dirty.revision_of(app_id)
        known = self._moves.get(app_id)
        if known is not None and known[0] == revision:
            return known[1]
        move = self._next_move(app_id)
        if revision:  # else there is no such app any more
            self._moves[app_id] = (revision, move)
        return move

    def _next_move(self, app_id: str) -> Move:
        app = self._state.effective(app_id)
        if app is None:
            return self._removal(app_id)
        course, roster = self._state.courses.get(app_id), self._state.roster_of(app_id)
        match course.action.action if course and course.action else None:
            case ActionKind.RESTART | ActionKind.RESTART_POD:
                return rolling.roll(app, roster)
            case ActionKind.START | ActionKind.START_POD:
                return Move(is_done=True)  # its instances come with a later step
            case _:
                return rolling.scale(app, roster, self._chosen(app_id, course))

    def _chosen(self, app_id: str, course: Course | None) -> list[Instance]:
        """Those that were named to be stopped first and are still there."""
        names = course.deployment.chosen.get(app_id, ()) if course else ()
        found = [self._state.instances.get(instance_id) for instance_id in names]
        return [i for i in found if i is not None and i.app_id == app_id]

    def _removal(self, app_id: str) -> Move:
        cohorts = self._state.roster_of(app_id).cohorts
        kept = [c for c in cohorts if c.like.goal is not Goal.DECOMMISSIONED]
        return Move(stop=tuple(i.id for c in kept for i in c), is_done=not cohorts)

    def _advance(self, deployment: Deployment) -> None:
        if self._is_held_up(deployment):
            return
        if deployment.current_step:
            self._report("deployment_step_success", deployment)
        if deployment.current_step == len(deployment.steps):
            self._finish(deployment)
            return
        deployment = replace(deployment, current_step=deployment.current_step + 1)
        self._state.put_deployment(deployment)
        self._report("deployment_info", deployment)

    def _is_held_up(self, deployment: Deployment) -> bool:
        """Whether an action of the present step is not done; the last one found is tried first."""
        actions = deployment.actions
        start = self._holding_up.pop(deployment.id, 0)
        for number in range(start, start + len(actions)):
            if not self._is_done(actions[number % len(actions)]):
                self._holding_up[deployment.id] = number % len(actions)
                return True
        return False

    def _is_done(self, action: Action) -> bool:
        return self._move(action.spec_id).is_done

    def _explain(self, app_id: str) -> str:
        roster = self._state.roster_of(app_id)
        app = self._state.effective(app_id)
        if app is None:
            return f"{app_id} waits for {size(roster.in_use)} of its instances to end"
        return rolling.explain(app, roster)

    def _finish(self, deployment: Deployment) -> None:
        self._state.drop_deployment(deployment)
        for app_id in deployment.affected:
            if self._state.spec(app_id) is None:
                self._state.forget_spec(app_id)
                self._moves.pop(app_id, None)
                self._state.publish(AppTerminated(timestamp=self._state.timestamp, app_id=app_id))
        self._state.publish(
            DeploymentSucceeded(
                timestamp=self._state.timestamp, id=deployment.id, plan=_plan(deployment)
            )
        )

    def _report(self, event_type: str, deployment: Deployment) -> None:
        step = deployment.steps[deployment.current_step - 1]
        self._state.publish(
            DeploymentProgress(
                event_type=event_type,
                timestamp=self._state.timestamp,
                plan=_plan(deployment),
                current_step=Step(actions=step.actions),
            )
        )


def _plan(deployment: Deployment) -> Plan:
    return Plan(id=deployment.id, steps=deployment.steps, version=deployment.version)
