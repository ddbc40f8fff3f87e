"""Carries out what clients ask for: from a command to a change of apps, all or nothing.

Everything that can be refused is refused before anything changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import asdict, replace

from orchestrator.marathon.core import ids, run_spec, timestamps
from orchestrator.marathon.core.apps import normalisation, service_ports, validation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.effects import (
    AppRequest,
    CancelDeployment,
    ChangeApps,
    ChangePod,
    Client,
    Command,
    CreateApp,
    CreatePod,
    DeleteApp,
    DeletePod,
    Deployed,
    Done,
    Killed,
    KillInstances,
    Outcome,
    PlanUpkeep,
    ResetDelay,
    RestartApp,
)
from orchestrator.marathon.core.events import ApiPosted, GroupChangeFailed
from orchestrator.marathon.core.groups import group_roles
from orchestrator.marathon.core.groups.group_service import GroupService
from orchestrator.marathon.core.groups.group_update import (
    ChangeGroup,
    CreateGroup,
    DeleteGroup,
    SetGroup,
)
from orchestrator.marathon.core.groups.tree import Change, Group
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.placement.launcher import Launcher
from orchestrator.marathon.core.pods.service import PodService
from orchestrator.marathon.core.refusals import (
    BadRequest,
    Conflict,
    InvalidObject,
    Refusal,
    Unknown,
    Violation,
)
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State


class Service:
    """The commands of the API."""

    def __init__(
        self, state: State, lifecycle: Lifecycle, deployer: Deployer, launcher: Launcher
    ) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._deployer = deployer
        self._launcher = launcher
        self._groups = GroupService(state, deployer, self._changed, self._deploy)
        self._pods = PodService(state, deployer)

    def carry_out(self, command: Command) -> Outcome:
        """Do what is asked. Raises Refusal."""
        match command:
            case CreateApp() | ChangeApps() | DeleteApp() | RestartApp():
                return self._change_apps(command)
            case KillInstances():
                return self._kill(command)
            case CancelDeployment():
                return self._cancel(command)
            case ResetDelay(app_id):
                return self._reset_delay(app_id)
            case PlanUpkeep(upkeep):
                self._state.plan_upkeep(upkeep)
                return Done()
            case CreateGroup() | ChangeGroup() | SetGroup() | DeleteGroup():
                return self._groups.carry_out(command)
            case CreatePod() | ChangePod() | DeletePod():
                return self._pods.carry_out(command)
            case _:
                assert_never(command)

    def _change_apps(self, command: AppRequest) -> Outcome:
        match command:
            case CreateApp():
                return self._create(command)
            case ChangeApps():
                return self._change(command)
            case DeleteApp(app_id, force):
                self._app(app_id)
                change = Change({app_id: None})
                version = self._state.next_version()
            case RestartApp(app_id, force):
                version = self._state.next_version()
                change = Change({app_id: self._app(app_id).restarted(version)})
            case _:
                assert_never(command)
        return self._deploy(change, version, force, group_id=ids.parent(app_id))

    def _create(self, command: CreateApp) -> Outcome:
        if command.update.id is None:
            raise InvalidObject([Violation("/id", "error.path.missing")])
        app_id = ids.canonical(command.update.id)
        if app_id in self._state.apps:
            reason = f"An app with id [{app_id}] already exists."
            self._tell_failure(ids.parent(app_id), self._state.next_version(), reason)
            raise Conflict(reason)
        update = replace(command.update, version=None)
        return self._change_all({app_id: update}, command.force, False, command.client)

    def _change(self, command: ChangeApps) -> Outcome:
        updates: dict[str, AppUpdate] = {}
        for update in command.updates:
            if update.id is None:
                raise InvalidObject([Violation("/id", "App Update must have app id set")])
            app_id = ids.canonical(update.id)
            if app_id in updates:
                raise InvalidObject([Violation("/id", f"{app_id} is named more than once")])
            if app_id not in self._state.apps and not command.may_create:
                raise Unknown.app(app_id)
            updates[app_id] = update
        return self._change_all(updates, command.force, command.is_partial, command.client)

    def _change_all(
        self, updates: dict[str, AppUpdate], force: bool, is_partial: bool, client: Client
    ) -> Outcome:
        version = self._state.next_version()
        ports = self._state.service_ports.copy()
        apps: dict[str, App] = {}
        for app_id, update in updates.items():
            apps[app_id] = self._changed(app_id, update, version, is_partial, ports)
            if existing := self._state.apps.get(app_id):
                validation.check_change(existing, apps[app_id], force=force)
            ports.update(apps[app_id].service_ports)
        group_id = ids.parent(next(iter(apps))) if len(apps) == 1 else ids.ROOT
        outcome = self._deploy(Change(apps), version, force, group_id=group_id)
        for app in apps.values():
            self._tell(app, client)
        return outcome

    def _changed(
        self,
        app_id: str,
        update: AppUpdate,
        version: str,
        is_partial: bool,
        ports: Counter[int],
        groups: Mapping[str, Group] | None = None,
    ) -> App:
        """One app as it will be; ``ports`` counts the service ports in use, its own included.

        ``groups`` are those that there will be, if they change as well.
        """
        if app_id in self._state.pods:
            raise InvalidObject([Violation("/", "Applications and Pods may not share the same id")])
        existing = self._state.apps.get(app_id)
        ports.subtract(existing.service_ports if existing else [])
        if existing and is_partial and update.version is not None:
            return self._rolled_back(existing, update, version)
        settings = self._state.settings
        base = existing if is_partial else None
        allowed = group_roles.of_spec(self._state, app_id, groups)
        app = normalisation.complete(app_id, update, base, allowed[0])
        validation.check(app, allowed, settings.features)
        low, high = settings.local_port_min, settings.local_port_max
        return service_ports.assign(app, existing, ports, low, high).stamped(version, existing)

    def _rolled_back(self, existing: App, update: AppUpdate, version: str) -> App:
        given = {name for name, value in asdict(update).items() if value is not None}
        if given - {"id", "version"}:
            error = "The 'version' field may only be combined with the 'id' field."
            raise InvalidObject([Violation("/", error)])
        try:
            wanted = timestamps.tidy(update.version or "")
        except ValueError:
            raise InvalidObject([Violation("/version", "error.expected.date.isoformat")]) from None
        app = self._state.versions.get(existing.id, {}).get(wanted)
        if app is None:
            raise Unknown.app(existing.id, wanted)
        return app.stamped(version, existing)

    def _kill(self, command: KillInstances) -> Outcome:
        if command.scales_down and command.wipes:
            raise BadRequest("You cannot use scale and wipe at the same time.")
        found = [self._state.instances.get(instance_id) for instance_id in command.instance_ids]
        instances = [instance for instance in found if instance is not None]
        if command.scales_down:
            return self._kill_and_scale(instances, command.force)
        for instance in instances:
            self._lifecycle.stop(instance.id, wipes=command.wipes)
            if command.wipes and (left := self._state.instances.get(instance.id)):
                self._lifecycle.expunge(left)
        return Killed(instances)

    def _kill_and_scale(self, instances: list[Instance], force: bool) -> Outcome:
        chosen: dict[str, list[str]] = {}
        for instance in instances:
            if self._state.spec(instance.app_id) is not None:
                chosen.setdefault(instance.app_id, []).append(instance.id)
        version = self._state.next_version()
        target: dict[str, RunSpec | None] = {}
        for app_id, instance_ids in chosen.items():
            if (spec := self._state.spec(app_id)) is not None:
                left = max(0, spec.instances - len(instance_ids))
                target[app_id] = run_spec.scaled(spec, left, version)
        return self._deploy(Change(target), version, force, chosen)

    def _cancel(self, command: CancelDeployment) -> Outcome:
        deployment = self._state.deployments.get(command.deployment_id)
        if deployment is None:
            raise Unknown.deployment(command.deployment_id)
        if command.force:
            self._deployer.cancel(deployment, "The deployment has been cancelled")
            return Done()
        return self._deploy(deployment.way_back, self._state.next_version(), True)

    def _reset_delay(self, app_id: str) -> Outcome:
        if app_id not in self._state.waiting:
            raise Unknown.queued(app_id)
        self._state.reset_delay(app_id)
        self._launcher.want_offers(app_id)
        return Done()

    def _deploy(
        self,
        change: Change,
        version: str,
        force: bool,
        chosen: Mapping[str, list[str]] | None = None,
        *,
        group_id: str = ids.ROOT,
    ) -> Deployed:
        created = frozenset(
            path for path, spec in change.specs.items() if spec and not self._state.spec(path)
        )
        try:
            deployment = self._deployer.submit(
                change, version, force=force, chosen=chosen, group_id=group_id
            )
        except Refusal as refusal:
            self._tell_failure(group_id, version, str(refusal))
            raise
        return Deployed(deployment, created)

    def _app(self, app_id: str) -> App:
        app = self._state.apps.get(app_id)
        if app is None:
            raise Unknown.app(app_id)
        return app

    def _tell(self, app: App, client: Client) -> None:
        self._state.publish(
            ApiPosted(
                timestamp=self._state.timestamp,
                client_ip=client.ip,
                uri=client.uri,
                app_definition=app,
            )
        )

    def _tell_failure(self, group_id: str, version: str, reason: str) -> None:
        self._state.publish(
            GroupChangeFailed(
                timestamp=self._state.timestamp, group_id=group_id, version=version, reason=reason
            )
        )
