"""What goes into the state machine and what comes out of it."""

from __future__ import annotations

import msgspec

from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.deployment.plan import DeadlineWish, Deployment, Step
from orchestrator.marathon.core.events import Happening
from orchestrator.marathon.core.groups.group_update import GroupCommand
from orchestrator.marathon.core.health.probes import Probe, Probed
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.marathon.core.upkeep import Upkeep
from orchestrator.mesos import scheduler


class Client(msgspec.Struct, frozen=True):
    """Who asks, for the event that tells of it."""

    ip: str = ""
    uri: str = ""


class CreateApp(msgspec.Struct, frozen=True):
    """A new app."""

    update: AppUpdate
    force: bool = False
    client: Client = Client()


class ChangeApps(msgspec.Struct, frozen=True):
    """Changes of apps, all or none; each update has an id.

    ``is_partial``: what an update leaves out stays as it is, else it becomes the default.
    """

    updates: list[AppUpdate]
    force: bool = False
    is_partial: bool = True
    may_create: bool = True
    client: Client = Client()


class DeleteApp(msgspec.Struct, frozen=True):
    """The end of an app and its instances."""

    app_id: str
    force: bool = True


class RestartApp(msgspec.Struct, frozen=True):
    """New instances for old, nothing else changed."""

    app_id: str
    force: bool = False


class KillInstances(msgspec.Struct, frozen=True):
    """The end of instances, by id.

    They are replaced, unless ``scales_down``: then the apps want that many fewer. ``wipes``: they
    are forgotten at once, without waiting for their end.
    """

    instance_ids: list[str]
    scales_down: bool = False
    wipes: bool = False
    force: bool = False


class CancelDeployment(msgspec.Struct, frozen=True):
    """The end of a deployment; ``force``: apps stay as they are, else they go back."""

    deployment_id: str
    force: bool = False


class ResetDelay(msgspec.Struct, frozen=True):
    """Launch the app's instances now, however often they have failed."""

    app_id: str


class CreatePod(msgspec.Struct, frozen=True):
    """A new pod; ``dry_run``: only say what would be done."""

    pod: Pod
    force: bool = False
    dry_run: bool = False
    client: Client = Client()


class ChangePod(msgspec.Struct, frozen=True):
    """A pod as it is to be, which may be new; ``dry_run``: only say what would be done."""

    pod: Pod
    force: bool = False
    dry_run: bool = False
    client: Client = Client()


class DeletePod(msgspec.Struct, frozen=True):
    """The end of a pod and its instances; ``dry_run``: only say what would be done."""

    pod_id: str
    force: bool = False
    dry_run: bool = False
    client: Client = Client()


class PlanUpkeep(msgspec.Struct, frozen=True):
    """Have the next leader back up or restore the state before it leads."""

    upkeep: Upkeep


AppRequest = CreateApp | ChangeApps | DeleteApp | RestartApp
PodRequest = CreatePod | ChangePod | DeletePod
InstanceRequest = KillInstances | CancelDeployment | ResetDelay
Command = AppRequest | PodRequest | GroupCommand | InstanceRequest | PlanUpkeep


class Request(msgspec.Struct, frozen=True):
    """A command; its Reply carries the same token."""

    token: int
    command: Command
    deadline: DeadlineWish = DeadlineWish()


class FromMaster(msgspec.Struct, frozen=True):
    """An event of the scheduler stream."""

    event: scheduler.Event


class ConnectionLost(msgspec.Struct, frozen=True):
    """The scheduler stream has ended."""


Input = Request | FromMaster | ConnectionLost | Probed


class Deployed(msgspec.Struct, frozen=True):
    """A change was accepted; ``created`` names the apps that are new."""

    deployment: Deployment
    created: frozenset[str] = frozenset()


class Killed(msgspec.Struct, frozen=True):
    """These instances are being ended."""

    instances: list[Instance]


class Planned(msgspec.Struct, frozen=True):
    """Nothing was done: these steps would have been."""

    steps: list[Step]


class Done(msgspec.Struct, frozen=True):
    """Nothing more to tell."""


Outcome = Deployed | Killed | Planned | Done


class Send(msgspec.Struct, frozen=True):
    """A call to the master; lost if there is no connection, which the core allows for."""

    call: scheduler.Call


class Publish(msgspec.Struct, frozen=True):
    """An event for everybody who listens."""

    event: Happening


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request."""

    token: int
    result: Outcome | Refusal


class Abort(msgspec.Struct, frozen=True):
    """This Marathon must not go on; ``reason`` is a sentence for the operator."""

    reason: str


Effect = Send | Publish | Reply | Abort | Probe
