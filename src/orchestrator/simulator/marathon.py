"""Marathon's machine: the real core as a framework among others, and its fickle user."""

from __future__ import annotations

import itertools
from random import Random

import msgspec

from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import (
    Abort,
    ChangeApps,
    ChangePod,
    Command,
    ConnectionLost,
    CreateApp,
    CreatePod,
    DeleteApp,
    DeletePod,
    Effect,
    FromMaster,
    Input,
    KillInstances,
    Publish,
    Reply,
    Request,
    RestartApp,
    Send,
)
from orchestrator.marathon.core.health.probes import Probe
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.scheduler import Event
from orchestrator.runtime.machine import Save
from orchestrator.simulator.client import Post, SchedulerClient
from orchestrator.simulator.framework_node import note_acknowledgement
from orchestrator.simulator.kernel import Action
from orchestrator.simulator.monitor import TaskKey, Violation
from orchestrator.simulator.process import Disk, Process
from orchestrator.simulator.surroundings import Surroundings
from orchestrator.simulator.updating import UpdateWatch

MARATHON = "marathon"
_SETTINGS = Settings(
    user="root",
    failover_timeout_s=60.0,
    decline_offer_s=5.0,
    task_launch_timeout_s=60.0,
    reconciliation_interval_s=20.0,
    scale_check_interval_s=30.0,
    renew_framework_id=True,  # it may be away for longer than its failover timeout
)


class MarathonNode:
    """One Marathon, one life after the other; ``core`` is None while it is down."""

    def __init__(self, around: Surroundings, post: Post) -> None:
        self.name = MARATHON
        self.disk = Disk()
        self.core: Marathon | None = None
        self._around = around
        self._post = post
        self._process: Process[Input, Effect] | None = None
        self._client: SchedulerClient | None = None
        self._watch: UpdateWatch | None = None
        self._tokens = itertools.count(1)

    # --- its life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on with what the last life saved, unless it runs."""
        if self._process is not None:
            return
        around = self._around
        core = around.parts.marathon(_SETTINGS, lambda: f"{around.kernel.name('id')}")
        self.core = core
        loaded = core.load(dict(self.disk.objects), around.kernel.now)
        self.disk.apply([effect for effect in loaded if isinstance(effect, Save)])
        self._watch = watch = UpdateWatch(core.state)
        self._process = around.parts.process(
            around.kernel, core, self.disk, self._perform, watch.look
        )
        self._client = SchedulerClient(
            around,
            self.name,
            self._post,
            core.subscription,
            self._hear,
            lambda: self._dispatch(ConnectionLost()),
        )
        around.network.is_down.discard(self.name)
        self._client.start()
        if not core.state.apps:
            self._ask(CreateApp(_app(instances=around.kernel.random.randint(1, 3))))
        if not core.state.pods:
            self._ask(CreatePod(_pod(instances=around.kernel.random.randint(0, 2))))

    def ambush(self, strike: Action) -> None:
        """Have something happen just when it saves."""
        if self._process is not None:
            self._process.ambush(strike)

    def crash(self, *, power: bool) -> None:
        """End Marathon, or (``power``) its whole machine."""
        if self._process is None or self._client is None:
            return
        self._process.crash()
        self._client.stop()
        self._process = self._client = self.core = None
        self._around.network.stop(self.name, power=power)

    # --- what its user wants -------------------------------------------------------------------

    def change(self) -> None:
        """Let a user scale, change, restart or remove the app or the pod, or kill an instance."""
        if self.core is None:
            return
        random = self._around.kernel.random
        instances = list(self.core.state.instances)
        commands: list[Command] = [
            ChangeApps([_app(instances=random.randint(0, 4))], force=True),
            ChangeApps([_app(cmd=f"run {random.randint(1, 3)}")], force=True),
            ChangeApps([_app(upgradeStrategy=_strategy(random))], force=True),
            RestartApp(_APP, force=True),
            DeleteApp(_APP),
            KillInstances(instances[:1]),
            ChangePod(_pod(instances=random.randint(0, 3)), force=True),
            ChangePod(_pod(cmd=f"run {random.randint(1, 3)}"), force=True),
            DeletePod(_POD, force=True),
        ]
        command = random.choice(commands)
        if isinstance(command, KillInstances) and self._watch is not None:
            self._watch.excuse(command.instance_ids)
        self._ask(command)

    @property
    def is_content(self) -> bool:
        """Whether no deployment goes on and just what is wanted runs."""
        if self.core is None or not self.core.state.is_connected:
            return False
        state = self.core.state
        wanted = {app.id: app.instances for app in state.apps.values()}
        wanted |= {pod.id: pod.instances for pod in state.pods.values()}
        has = dict.fromkeys(wanted, 0)
        for instance in state.instances.values():
            if instance.condition is not Condition.RUNNING:
                return False
            has[instance.app_id] = has.get(instance.app_id, 0) + 1
        return not state.deployments and has == wanted

    @property
    def live(self) -> set[TaskKey]:
        """The tasks that it believes to run."""
        if self.core is None:
            return set()
        state = self.core.state
        return {
            (state.framework_id or "", task_id)
            for instance in state.instances.values()
            if instance.condition.is_launched
            for task_id in instance.live_task_ids
        }

    # --- what comes in and goes out ------------------------------------------------------------

    def _ask(self, command: Command) -> None:
        self._dispatch(Request(next(self._tokens), command))

    def _dispatch(self, event: Input) -> None:
        if self._process is not None:
            self._around.trace.note(self.name, "<", event)
            self._process.dispatch(event)

    def _hear(self, event: Event) -> None:
        if self.core is not None:
            framework_id = self.core.state.framework_id or ""
            self._around.monitor.hears(framework_id, ["*"], event)
        self._dispatch(FromMaster(event))

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(call):
                self._around.trace.note(self.name, ">", effect)
                note_acknowledgement(self._around, call)
                if self._client is not None:
                    self._client.send(call)
            case Abort(reason):
                raise Violation("Marathon has no reason to give up", reason)
            case Reply() | Publish() | Probe():
                pass  # nobody asks, nobody listens, no app has checks of this kind


_APP, _POD = "/app", "/pod"
_SHARES = (0.0, 0.25, 0.5, 1.0)


def _strategy(random: Random) -> dict[str, float]:
    return {
        "minimumHealthCapacity": random.choice(_SHARES),
        "maximumOverCapacity": random.choice(_SHARES),
    }


def _app(**fields: object) -> AppUpdate:
    defaults = {"id": _APP, "cmd": "run", "cpus": 0.5, "mem": 64.0}
    return msgspec.convert(defaults | fields, AppUpdate)


def _pod(instances: int = 1, cmd: str = "run") -> Pod:
    """Two containers; a change of either number or command leaves the other at its default."""
    resources = {"cpus": 0.2, "mem": 32.0}
    containers = [
        {"name": name, "exec": {"command": {"shell": cmd}}, "resources": resources}
        for name in ("one", "two")
    ]
    scaling = {"kind": "fixed", "instances": instances}
    return msgspec.convert({"id": _POD, "containers": containers, "scaling": scaling}, Pod)
