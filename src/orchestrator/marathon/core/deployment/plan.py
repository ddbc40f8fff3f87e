"""From a change of apps to the ordered steps that carry it out.

Apps that go are stopped, apps that come are started with no instances, then all that changed are
scaled or restarted, layer by layer: what others depend on comes first. Actions of one step run side
by side. Source: DeploymentPlan.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

import msgspec

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Part,
)
from orchestrator.marathon.core.deployment import dependencies
from orchestrator.marathon.core.groups.tree import Change, Group, Tree
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import InvalidObject, Violation
from orchestrator.marathon.core.run_spec import RunSpec

Specs = Mapping[str, RunSpec]
_CIRCLE = "Dependency graph has cyclic dependencies."


class ActionKind(StrEnum):
    """What a step does with one app or pod."""

    START = "StartApplication"
    SCALE = "ScaleApplication"
    RESTART = "RestartApplication"
    STOP = "StopApplication"
    START_POD = "StartPod"
    SCALE_POD = "ScalePod"
    RESTART_POD = "RestartPod"
    STOP_POD = "StopPod"


_OF_PODS = {
    ActionKind.START: ActionKind.START_POD,
    ActionKind.SCALE: ActionKind.SCALE_POD,
    ActionKind.RESTART: ActionKind.RESTART_POD,
    ActionKind.STOP: ActionKind.STOP_POD,
}


class Action(Part):
    """The part of an app or a pod in a step."""

    action: ActionKind
    app: str | None = None
    pod: str | None = None

    @classmethod
    def on(cls, spec: RunSpec, kind: ActionKind) -> Action:
        """An action on either; ``kind`` is that for an app."""
        if isinstance(spec, Pod):
            return cls(action=_OF_PODS[kind], pod=spec.id)
        return cls(action=kind, app=spec.id)

    @property
    def spec_id(self) -> str:
        """The app or the pod."""
        return self.app or self.pod or ""


class Step(Part):
    """Actions that run side by side."""

    actions: list[Action]


class OnDeadline(StrEnum):
    """What is done with a deployment whose deadline has passed."""

    CANCEL = "cancel"  # apps stay as they are
    ROLLBACK = "rollback"  # apps go back to what they were


class DeadlineWish(msgspec.Struct, frozen=True):
    """What a client says about a deadline; what it leaves out is as the settings say.

    ``after_s`` is how long the deployment may take, 0 for as long as it likes.
    """

    after_s: float | None = None
    then: OnDeadline | None = None


class Deadline(Part):
    """By when (Unix seconds) a deployment has to be done, and what happens otherwise."""

    at: float
    after_seconds: float
    then: OnDeadline


class Deployment(Part):
    """A change on its way. ``original`` holds the affected apps as they were before.

    ``affected`` names apps and pods, ``pods`` those of them that are pods.

    ``current_step`` counts from 1, as Marathon shows it; 0 before the first.
    """

    id: str
    version: str
    steps: list[Step]
    original: list[App] = []
    original_pods: list[Pod] = []
    affected: list[str] = []
    pods: list[str] = []
    chosen: dict[str, list[str]] = {}  # instances to stop first, by app
    current_step: int = 0
    original_groups: list[Group] = []
    affected_groups: list[str] = []
    deadline: Deadline | None = None

    @property
    def actions(self) -> list[Action]:
        """What is being done now."""
        return self.steps[self.current_step - 1].actions if self.current_step else []

    @property
    def before(self) -> dict[str, RunSpec]:
        """The affected apps and pods as they were, by id."""
        apps: dict[str, RunSpec] = {app.id: app for app in self.original}
        return apps | {pod.id: pod for pod in self.original_pods}

    @property
    def way_back(self) -> Change:
        """The affected apps, pods and groups as they were, None for those that were not."""
        specs = self.before
        groups = {group.id: group for group in self.original_groups}
        return Change(
            {path: specs.get(path) for path in self.affected},
            {group_id: groups.get(group_id) for group_id in self.affected_groups},
        )


class Course(msgspec.Struct, frozen=True):
    """How far a deployment has come with one app."""

    deployment: Deployment
    action: Action | None  # what is being done with the app now
    is_later: bool  # the app's turn is yet to come


class Draft(msgspec.Struct, frozen=True):
    """A change of the tree that could be made: nothing in it is as it was, apps or groups."""

    change: Change
    original: Tree
    steps: list[Step]

    @property
    def affected(self) -> list[str]:
        """The apps and pods that are changed."""
        return sorted(self.change.specs)

    def deployment(
        self, deployment_id: str, version: str, chosen: Mapping[str, list[str]]
    ) -> Deployment:
        """The deployment that makes the change; ``chosen`` are instances to stop first, by app."""
        specs, groups = self.original.specs, self.original.groups
        before = [specs[path] for path in self.affected if path in specs]
        either = {path: self.change.specs[path] or specs[path] for path in self.affected}
        return Deployment(
            id=deployment_id,
            version=version,
            steps=self.steps,
            original=[spec for spec in before if isinstance(spec, App)],
            original_pods=[spec for spec in before if isinstance(spec, Pod)],
            affected=self.affected,
            pods=[path for path, spec in either.items() if isinstance(spec, Pod)],
            chosen=dict(chosen),
            original_groups=[groups[path] for path in self.change.groups if path in groups],
            affected_groups=sorted(self.change.groups),
        )


def draft(tree: Tree, change: Change, outdated: Collection[str] = ()) -> Draft:
    """Plan a change; for ``outdated`` see ``steps``.

    Raises InvalidObject where dependencies would go round in a circle.
    """
    specs = {a: spec for a, spec in change.specs.items() if tree.specs.get(a) != spec}
    change = Change(specs, change.groups)
    current = {a: tree.specs[a] for a in specs if a in tree.specs}
    wanted = {a: spec for a, spec in specs.items() if spec is not None}
    try:
        ranks = dependencies.ranks(tree.changed(change), wanted, change.groups)
    except dependencies.CircleError:
        raise InvalidObject([Violation("/", _CIRCLE)]) from None
    return Draft(change, tree, steps(current, wanted, ranks, outdated))


def courses(deployment: Deployment) -> dict[str, Course]:
    """The course of each app that the deployment affects."""
    now = {action.spec_id: action for action in deployment.actions}
    steps_left = deployment.steps[deployment.current_step :]
    later = {action.spec_id for step in steps_left for action in step.actions}
    return {
        app_id: Course(deployment, now.get(app_id), app_id in later and app_id not in now)
        for app_id in deployment.affected
    }


def steps(
    original: Specs, target: Specs, ranks: Mapping[str, int], outdated: Collection[str] = ()
) -> list[Step]:
    """The steps from one set of apps and pods to another; both hold the affected ones only.

    ``ranks`` orders the apps that change (see ``dependencies``). ``outdated`` names apps that have
    instances of another configuration already, left by a deployment that was cut short: these are
    restarted where scaling would do otherwise.
    """
    ids_gone = sorted(original.keys() - target.keys())
    gone = [Action.on(original[spec_id], ActionKind.STOP) for spec_id in ids_gone]
    ids_new = sorted(target.keys() - original.keys())
    come = [Action.on(target[spec_id], ActionKind.START) for spec_id in ids_new]
    changed = [a for a, spec in target.items() if original.get(a) != spec]
    layered = [
        Step(actions=[_change(original.get(a), target[a], outdated) for a in layer])
        for layer in _layers(changed, ranks)
    ]
    return [step for step in (Step(actions=gone), Step(actions=come), *layered) if step.actions]


def _change(old: RunSpec | None, new: RunSpec, outdated: Collection[str]) -> Action:
    keeps_instances = old is None or old.config_version == new.config_version
    if new.instances == 0 or (keeps_instances and new.id not in outdated):
        return Action.on(new, ActionKind.SCALE)
    return Action.on(new, ActionKind.RESTART)


def _layers(app_ids: Iterable[str], ranks: Mapping[str, int]) -> list[list[str]]:
    """Apps of the same rank side by side, lowest rank first."""
    by_rank: dict[int, list[str]] = {}
    for app_id in sorted(app_ids):
        by_rank.setdefault(ranks[app_id], []).append(app_id)
    return [by_rank[rank] for rank in sorted(by_rank)]
