"""Answers offers: launches on them what waits, gives back what is of no use, declines the rest.

A good citizen of the cluster: offers are answered at once, never kept; what is not needed is
declined for long. When offers are wanted is in ``demand``, what goes where in ``placing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.placement import availability, reserving, residents
from orchestrator.marathon.core.placement.answer import Answer, Room, why_never
from orchestrator.marathon.core.placement.demand import REVIVE, Demand
from orchestrator.marathon.core.placement.known_agents import KnownAgents
from orchestrator.marathon.core.placement.launch_stats import LaunchStats
from orchestrator.marathon.core.placement.launch_tokens import LaunchTokens
from orchestrator.marathon.core.placement.matching import OpenOffer, Rules
from orchestrator.marathon.core.placement.placing import Placement, Placer
from orchestrator.marathon.core.placement.reservation import Reservation
from orchestrator.marathon.core.placement.shelf import Shelf
from orchestrator.marathon.core.pods import instance as pod_instance
from orchestrator.marathon.core.pods import task_group
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State
from orchestrator.marathon.core.tasks import task_builder
from orchestrator.mesos.resources import ResourceError
from orchestrator.mesos.scheduler import (
    Accept,
    Call,
    CallType,
    Decline,
    LaunchGroup,
    Operation,
)
from orchestrator.mesos.types import Filters, FrameworkID, MasterInfo, Offer, TaskInfo

DELAY, TOKENS = "delay", "tokens"
LAUNCHER_ALARMS = (DELAY, TOKENS, REVIVE)


class Launcher:
    """The link between what waits and what is offered."""

    def __init__(self, state: State, lifecycle: Lifecycle) -> None:
        settings = state.settings
        self._state = state
        self._lifecycle = lifecycle
        self._rules = self._rules_at(None)
        self._tokens = LaunchTokens(
            settings.launch_tokens, settings.launch_token_refresh_interval_s
        )
        self._placer = Placer(state, self._stats_of)
        self.demand = Demand(state)
        self.agents = KnownAgents()
        self.stats: dict[str, LaunchStats] = {}

    @property
    def rules(self) -> Rules:
        """What holds for the placement of all apps."""
        return self._rules

    def subscribed(self, master: MasterInfo | None) -> None:
        """A new stream begins; apps are at home in the region of the master."""
        domain = master.domain.fault_domain if master and master.domain else None
        home = domain.region.name if domain else None
        self._rules = self._rules_at(home)
        self.demand.subscribed()

    def offered(self, offers: Sequence[Offer]) -> None:
        """Answer offers: launch what fits, decline the rest."""
        limit = self._state.settings.max_accept_bytes
        answers = {offer.offer.id.value: Answer(offer, limit) for offer in self._open(offers)}
        self._tokens.refresh(self._state.now)
        for answer in answers.values():
            self._free(answer)
        most = self._state.settings.max_launches_per_offer
        shelf = Shelf([answer.offer for answer in answers.values()], most, self._state.now)
        for app_id in list(self._state.waiting):
            if self._is_ready(app_id) and self._tokens.has_any:
                self._place(app_id, shelf, answers)
        for answer in answers.values():
            if operations := answer.all_operations():
                self._accept(answer, operations)
        self._decline([a.offer.offer for a in answers.values() if not a.all_operations()])
        if not self._tokens.has_any:
            self._state.timers.set(TOKENS, "", self._tokens.next_at)

    def _place(self, app_id: str, shelf: Shelf, answers: Mapping[str, Answer]) -> None:
        for placement in self._placer.place(app_id, shelf, self._tokens.left):
            answer = answers[placement.offer.offer.id.value]
            if not answer.offer.is_full and self._use(placement, answer) is Room.NEVER:
                break  # the app's other instances are no smaller

    def update_demand(self) -> None:
        """After every event: ask for offers for what newly waits, or do without."""
        newly_waiting, self._state.newly_waiting = self._state.newly_waiting, set()
        for app_id in newly_waiting:
            if app_id in self._state.waiting:
                self._stats_of(app_id)
                self._want_offers(app_id)
        newly_to_free, self._state.newly_to_free = self._state.newly_to_free, set()
        for role in newly_to_free:
            self.demand.want(role)
        served, self._state.served = self._state.served, set()
        for app_id in served - self._state.waiting.keys():
            self.stats.pop(app_id, None)
        if self._state.framework_id is not None:
            self.demand.settle(self._ready_roles())

    def alarm(self, kind: str, app_id: str) -> None:
        """A launch delay is over, there are tokens again, or offers may be revived again."""
        if kind == TOKENS:
            self._tokens.refresh(self._state.now)
            for waiting in self._state.waiting:
                self._want_offers(waiting)
        elif kind == DELAY and app_id in self._state.waiting:
            self._want_offers(app_id)

    def want_offers(self, app_id: str) -> None:
        """What waits of the app may be placed from now on."""
        self._state.timers.cancel(DELAY, app_id)
        self._want_offers(app_id)

    def delayed_until(self, app: RunSpec) -> float | None:
        """Until when nothing of the app is launched; None if it may be."""
        return self._lifecycle.is_delayed(app)

    def task_runs(self) -> None:
        """The cluster keeps up, so that one more task may be launched."""
        self._tokens.give_back()

    def _rules_at(self, home_region: str | None) -> Rules:
        settings = self._state.settings
        return Rules(home_region, settings.is_scarce_gpu_kept, settings.accepted_roles)

    def _open(self, offers: Sequence[Offer]) -> list[OpenOffer]:
        now, draining_s = self._state.now, self._state.settings.draining_s
        found = []
        for offer in offers:
            try:
                is_available = availability.is_available(offer, now, draining_s)
                found.append(OpenOffer(offer, self._rules, is_available))
            except ResourceError:
                self._decline([offer])  # nothing that could be counted with
            else:
                self.agents.see(offer, now)
        return found

    def _free(self, answer: Answer) -> None:
        """Give back what is reserved for instances that are no more."""
        offer, framework_id = answer.offer, self._state.framework_id or ""
        held = reserving.unused(offer.remaining, framework_id, self._needs_reservation)
        for instance_id, resources in held.items():
            answer.operations += reserving.freeing(resources, self._role_of(offer))
            answer.is_wanted_back = True
            offer.reduce(resources)
            reservation = self._state.to_free.get(instance_id)
            if reservation is not None and not reserving.is_rest_in_use(reservation, resources):
                del self._state.to_free[instance_id]

    def _needs_reservation(self, instance_id: str) -> bool:
        instance = self._state.instances.get(instance_id)
        return instance is not None and instance.reservation is not None

    def _stats_of(self, app_id: str) -> LaunchStats:
        return self.stats.setdefault(app_id, LaunchStats(self._state.now))

    def _want_offers(self, app_id: str) -> None:
        app = self._state.effective(app_id)
        deadline = self._lifecycle.is_delayed(app) if app else None
        if deadline is not None:
            self._state.timers.set(DELAY, app_id, deadline)
            return
        for role in self._roles_of(app_id):
            self.demand.want(role)

    def _is_ready(self, app_id: str) -> bool:
        app = self._state.effective(app_id)
        return app is None or self._lifecycle.is_delayed(app) is None

    def _ready_roles(self) -> set[str]:
        """In which roles there is something to do with offers."""
        found = {reservation.role for reservation in self._state.to_free.values()}
        count = len(self.demand.roles)
        if not self._tokens.has_any:
            return found
        for app_id in self._state.waiting:
            if len(found) == count:
                break
            if self._is_ready(app_id):
                found |= self._roles_of(app_id)
        return found

    def _roles_of(self, app_id: str) -> set[str]:
        app = self._state.effective(app_id) or self._state.spec(app_id)
        roles = {app.role if app else self._state.settings.role}
        if app is not None and app.is_resident:
            waiting = self._state.waiting.get(app_id, {}).values()
            roles |= {i.reservation.role for i in waiting if i.reservation is not None}
        return roles

    def _use(self, placement: Placement, answer: Answer) -> Room:
        match self._state.spec_of(placement.instance):
            case App() | Pod() as spec if placement.match.disks:
                self._tokens.take()
                self._reserve(spec, placement, answer)
                return Room.ENOUGH
            case App() as app:
                return self._launch(app, placement, answer)
            case Pod() as pod:
                return self._launch_group(pod, placement, answer)
            case None:
                raise LookupError(f"{placement.instance.id} is of no known app")  # it was looked up

    def _reserve(self, app: RunSpec, placement: Placement, answer: Answer) -> None:
        match, offer, state = placement.match, placement.offer, self._state
        volumes = reserving.local_volumes(app, match.disks, state.new_id)
        reservation = Reservation(role=self._role_of(offer), volumes=volumes)
        instance = placement.instance.reserved(offer.place, reservation, state.now)
        state.put(instance)
        residents.watch_reservation(state, instance)
        reserver = reserving.Reserver(
            state.framework_id or "", instance.id, state.settings.principal
        )
        answer.operations += reserver.operations(match.resources, match.disks, reservation)
        answer.is_wanted_back = True

    def _launch(self, app: App, placement: Placement, answer: Answer) -> Room:
        instance, offer, match = placement.instance, placement.offer, placement.match
        ports = [port for port in match.host_ports if port is not None]
        provisioned = instance.provisioned(offer.place, ports, self._state.now)
        task = task_builder.build(app, instance, offer.offer, match, self._role_of(offer))
        return self._send(provisioned, task, answer)

    def _launch_group(self, pod: Pod, placement: Placement, answer: Answer) -> Room:
        instance, offer, match = placement.instance, placement.offer, placement.match
        ports, now = match.host_ports, self._state.now
        provisioned = pod_instance.provisioned(instance, pod, offer.place, ports, now)
        group = task_group.build(pod, instance, offer.offer, match, self._role_of(offer))
        return self._send(provisioned, group, answer)

    def _send(self, provisioned: Instance, launch: TaskInfo | LaunchGroup, answer: Answer) -> Room:
        room = answer.add(launch)
        match room:
            case Room.ENOUGH:
                self._tokens.take()
                self._state.put(provisioned)
                self._lifecycle.launched(provisioned)
            case Room.WITH_THE_NEXT:
                pass  # it waits on
            case Room.NEVER:
                reason = why_never(launch, self._state.settings.max_accept_bytes)
                self._lifecycle.never_sent(provisioned, reason)
        return room

    def _role_of(self, offer: OpenOffer) -> str:
        return offer.role or self._state.settings.role

    def _accept(self, answer: Answer, operations: list[Operation]) -> None:
        """The rest of the offer may come back at once when only a bound kept it from use."""
        settings = self._state.settings
        is_full = answer.offer.launches >= settings.max_launches_per_offer
        refuse_s = 0.0 if is_full or answer.is_wanted_back else settings.decline_offer_s
        accept = Accept(
            offer_ids=[answer.offer.offer.id],
            operations=operations,
            filters=Filters(refuse_seconds=refuse_s),
        )
        self._state.send(self._call(CallType.ACCEPT, accept=accept))

    def _decline(self, offers: Sequence[Offer]) -> None:
        if offers:
            decline = Decline(
                offer_ids=[offer.id for offer in offers],
                filters=Filters(refuse_seconds=self._state.settings.decline_offer_s),
            )
            self._state.send(self._call(CallType.DECLINE, decline=decline))

    def _call(
        self, kind: CallType, *, accept: Accept | None = None, decline: Decline | None = None
    ) -> Call:
        framework_id = FrameworkID(value=self._state.framework_id or "")
        return Call(type=kind, framework_id=framework_id, accept=accept, decline=decline)
