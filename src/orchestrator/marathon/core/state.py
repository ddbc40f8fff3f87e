"""All that Marathon knows: apps and pods, their versions and instances, deployments, its id.

This is the only place where any of it changes. Every change is a ``Save`` in the outbox at once, so
what is in memory and what will be on disk cannot differ; and it marks the app as dirty, so that the
deployer looks at it before the event is done with. Objects have one key each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from orchestrator.marathon.core import (
    announcements,
    keys,
    stored,
    stored_format,
    timestamps,
    upkeep,
)
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.backoff import Delays
from orchestrator.marathon.core.changes import Changes
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.counts import Counts
from orchestrator.marathon.core.definitions import Definitions
from orchestrator.marathon.core.deployment.plan import Course, Deployment, courses
from orchestrator.marathon.core.effects import Effect, Publish, Send
from orchestrator.marathon.core.events import Happening
from orchestrator.marathon.core.groups.groups import NEVER, Groups
from orchestrator.marathon.core.groups.tree import Change, Revision, Tree
from orchestrator.marathon.core.health.book import HealthBook
from orchestrator.marathon.core.health.readiness_book import ReadinessBook
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.reservation import Reservation
from orchestrator.marathon.core.pods.history import PodHistory
from orchestrator.marathon.core.roster import NOBODY, Roster
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.settings import Settings
from orchestrator.marathon.core.stored import TaskFailure
from orchestrator.marathon.core.timers import Timers
from orchestrator.marathon.core.upkeep import Upkeep
from orchestrator.mesos.scheduler import Call
from orchestrator.runtime.machine import Save

PREFIX = keys.PREFIX


class State:
    """What is known; ``now`` is the time of the event being handled."""

    def __init__(self, settings: Settings, new_id: Callable[[], str]) -> None:
        self.settings = settings
        self.new_id = new_id
        self.now = 0.0
        self.timers = Timers()
        self.counts = Counts()
        self.is_connected = False  # to the master
        self._definitions = known = Definitions(settings.max_versions)
        self.apps, self.versions = known.apps, known.versions
        self.pods, self.pod_versions = known.pods, known.pod_versions
        self.service_ports, self.roles = known.service_ports, known.roles
        self.to_free: dict[str, Reservation] = {}  # of no use any more, by instance
        self.newly_to_free: set[str] = set()  # roles
        self.groups = Groups(PREFIX)
        self.history = PodHistory()
        self.delays = Delays()
        self.instances: dict[str, Instance] = {}
        self.deployments: dict[str, Deployment] = {}
        self.courses: dict[str, Course] = {}  # of apps that a deployment is changing
        self.failures: dict[str, TaskFailure] = {}
        self.framework_id: str | None = None
        self.dirty = Changes()
        self.waiting: dict[str, dict[str, Instance]] = {}  # to be placed, by app
        self.newly_waiting: set[str] = set()
        self.served: set[str] = set()  # nothing of these apps waits any more
        self._changed: set[str] = set()  # instances, since they were last taken
        self.health = HealthBook()
        self.readiness = ReadinessBook()
        self._of_app: dict[str, dict[str, Instance]] = {}
        self._rosters: dict[str, Roster] = {}
        self._last_version_s = 0.0
        self._outbox: list[Save | Effect] = []

    def load(self, objects: Mapping[str, bytes]) -> None:
        """Take up what an earlier process saved. Raises StateError, msgspec.DecodeError."""
        current = stored_format.migrate(objects)
        self._outbox.extend(stored_format.changes(objects, current))
        found = stored.read(current)
        self.framework_id = found.framework_id
        for instance in found.instances:
            self._index(instance.counted_anew(self.now))
        for deployment in found.deployments:
            self.deployments[deployment.id] = deployment
            self.courses.update(courses(deployment))
        self.failures.update((failure.app_id, failure) for failure in found.failures)
        self._definitions.load(found)
        self._outbox += self.delays.load(found.delays, self.effective, self.now)
        self.history.load(found.ended)
        if not self.settings.renew_framework_id:
            stored_format.check_identity(self.framework_id, self.instances.values())
        self._outbox += self.groups.load(current, [*self.apps, *self.pods])
        self.dirty.update(self.apps, self.pods, self._of_app)
        self.dirty.update(*(deployment.affected for deployment in self.deployments.values()))
        deployed = [deployment.version for deployment in self.deployments.values()]
        versions = [self.tree_version, *deployed, *self._definitions.all_versions()]
        self._last_version_s = max(map(timestamps.parse, versions))

    def take_outbox(self) -> list[Save | Effect]:
        """What has to be done for all that changed, in order."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def out(self, effect: Effect) -> None:
        """Have something done."""
        self._outbox.append(effect)

    def send(self, call: Call) -> None:
        """Call the master."""
        self.counts.count(call)
        self.out(Send(call))

    def publish(self, event: Happening) -> None:
        """Tell everybody who listens."""
        self.out(Publish(event))

    @property
    def timestamp(self) -> str:
        """Now, in Marathon's form."""
        return timestamps.render(self.now)

    def next_version(self) -> str:
        """The time as a version, later than all before it."""
        self._last_version_s = max(self.now, self._last_version_s + 0.001)
        return timestamps.render(self._last_version_s)

    # Apps and pods

    def spec(self, spec_id: str) -> RunSpec | None:
        """The app or the pod of this id."""
        return self._definitions.spec(spec_id)

    def put_spec(self, spec: RunSpec) -> None:
        """Keep an app or a pod as it is to be from now on; its oldest versions are forgotten."""
        in_use = {instance.version for instance in self._of_app.get(spec.id, {}).values()}
        self._outbox += self._definitions.put(spec, in_use)
        self.dirty.add(spec.id)

    def remove_spec(self, spec: RunSpec) -> None:
        """There is no such app or pod any more; its versions stay while it has instances."""
        self._outbox.append(self._definitions.remove(spec))
        self.dirty.add(spec.id)

    def forget_spec(self, spec_id: str) -> None:
        """Nothing of a removed app or pod is left."""
        self._outbox += self._definitions.forget(spec_id)
        if self.failures.pop(spec_id, None):
            self._outbox.append(Save(keys.FAILURES + spec_id, None))
        self._outbox += self.delays.forget(spec_id)
        self._outbox += self.history.forget(spec_id)
        self.dirty.forget(spec_id)

    def remember_failure(self, failure: TaskFailure) -> None:
        """Keep how an app's task failed last."""
        self.failures[failure.app_id] = failure
        self._save(keys.FAILURES + failure.app_id, failure)

    def remember_end(self, instance: Instance) -> None:
        """Keep how an instance of a pod has ended."""
        self._outbox += self.history.remember(instance)

    def delay(self, app: RunSpec, least_s: float = 0.0) -> None:
        """An instance has failed, which makes the next launch wait longer."""
        self._outbox += self.delays.failed(app, self.now, least_s)

    def reset_delay(self, app_id: str) -> None:
        """Forget the failures of an app."""
        self._outbox += self.delays.forget(app_id)

    def app_of(self, instance: Instance) -> App | None:
        """The definition that the instance of an app runs, or will run."""
        spec = self._definitions.of(instance)
        return spec if isinstance(spec, App) else None

    def spec_of(self, instance: Instance) -> RunSpec | None:
        """The definition that the instance runs, or will run."""
        return self._definitions.of(instance)

    def effective(self, spec_id: str) -> RunSpec | None:
        """An app or pod as its instances should be now: as it was, until a deployment's turn."""
        course = self.courses.get(spec_id)
        if course is not None and course.is_later:
            return course.deployment.before.get(spec_id)
        return self.spec(spec_id)

    # The tree of groups

    @property
    def tree(self) -> Tree:
        """All apps, pods and groups as they are to be."""
        return Tree({**self.apps, **self.pods}, self.groups.by_id)

    @property
    def tree_version(self) -> str:
        """The version of the whole tree: that of its last change."""
        specs: list[RunSpec] = [*self.apps.values(), *self.pods.values()]
        return self.groups.newest or max((spec.version for spec in specs), default=NEVER)

    def change_tree(self, change: Change, version: str) -> None:
        """Make a change of apps, pods and groups, which makes a version of the tree."""
        tree = self.tree
        revision = Revision.of(tree, change, version, self.tree_version)
        for path, spec in change.specs.items():
            if spec is None:
                self.remove_spec(tree.specs[path])
            else:
                self.put_spec(spec)
        self._outbox += self.groups.change(change.groups)
        self._outbox += self.groups.remember(revision, self.settings.max_versions)

    # Instances

    def instances_of(self, app_id: str) -> list[Instance]:
        """All instances of an app, oldest first."""
        return list(self._of_app.get(app_id, {}).values())

    def roster_of(self, app_id: str) -> Roster:
        """All instances of an app, by what matters to its next move."""
        return self._rosters.get(app_id, NOBODY)

    def apps_with_instances(self) -> list[str]:
        """The ids of all apps that have instances, deleted ones included."""
        return list(self._of_app)

    def put(self, instance: Instance) -> None:
        """Keep an instance as it is now."""
        old = self.instances.get(instance.id)
        self._index(instance)
        self._save(keys.INSTANCES + instance.id, instance)
        self.dirty.add(instance.app_id)
        if old is None or old.condition is not instance.condition:
            self.publish(announcements.changed(instance, self.timestamp))

    def drop(self, instance: Instance) -> None:
        """Forget an instance."""
        old = self.instances.pop(instance.id)
        self._rosters[instance.app_id].change(old, None)
        self._changed.add(instance.id)
        self.health.forget(instance.id)
        self.readiness.forget(instance.id)
        siblings = self._of_app[instance.app_id]
        del siblings[instance.id]
        if not siblings:
            del self._of_app[instance.app_id], self._rosters[instance.app_id]
        self._stop_waiting(instance)
        if old.reservation is not None:
            self.roles[old.reservation.role] -= 1
        if instance.reservation is not None:
            self.to_free[instance.id] = instance.reservation
            self.newly_to_free.add(instance.reservation.role)
        self._outbox.append(Save(keys.INSTANCES + instance.id, None))
        self.dirty.add(instance.app_id)

    def _index(self, instance: Instance) -> None:
        old = self.instances.get(instance.id)
        self._count_reservation(old, instance)
        self._rosters.setdefault(instance.app_id, Roster()).change(old, instance)
        self.instances[instance.id] = instance
        self._changed.add(instance.id)
        self._of_app.setdefault(instance.app_id, {})[instance.id] = instance
        if instance.condition is Condition.SCHEDULED:
            self.waiting.setdefault(instance.app_id, {})[instance.id] = instance
            self.newly_waiting.add(instance.app_id)
        else:
            self._stop_waiting(instance)

    def _count_reservation(self, old: Instance | None, new: Instance) -> None:
        if old is not None and old.reservation is not None:
            self.roles[old.reservation.role] -= 1
        if new.reservation is not None:
            self.roles[new.reservation.role] += 1
            self.to_free.pop(new.id, None)

    def _stop_waiting(self, instance: Instance) -> None:
        waiting = self.waiting.get(instance.app_id, {})
        waiting.pop(instance.id, None)
        if not waiting and self.waiting.pop(instance.app_id, None) is not None:
            self.served.add(instance.app_id)

    def take_changed(self) -> list[str]:
        """The instances that changed since this was last called, in an order that is always one."""
        changed, self._changed = sorted(self._changed), set()
        return changed

    # Deployments and the framework

    def put_deployment(self, deployment: Deployment) -> None:
        """Keep a deployment as far as it has come."""
        self.deployments[deployment.id] = deployment
        self.courses.update(courses(deployment))
        self._save(keys.DEPLOYMENTS + deployment.id, deployment)
        self.dirty.update(deployment.affected)

    def drop_deployment(self, deployment: Deployment) -> None:
        """The deployment has ended."""
        del self.deployments[deployment.id]
        for app_id in deployment.affected:
            del self.courses[app_id]
        self._outbox.append(Save(keys.DEPLOYMENTS + deployment.id, None))
        self.dirty.update(deployment.affected)

    def set_framework_id(self, framework_id: str | None) -> None:
        """Who Marathon is to the master; None to begin anew."""
        if framework_id != self.framework_id:
            self.framework_id = framework_id
            value = framework_id.encode() if framework_id else None
            self._outbox.append(Save(keys.FRAMEWORK, value))

    def plan_upkeep(self, wanted: Upkeep) -> None:
        """Have the next leader back up or restore the state before it leads."""
        self._save(upkeep.KEY, wanted)

    def _save(self, key: str, value: msgspec.Struct) -> None:
        self._outbox.append(Save(key, msgspec.json.encode(value)))
