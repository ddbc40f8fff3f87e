"""A framework as it should be, written for the simulator: small, and careful where it counts.

It keeps ``services`` tasks running and works off ``batches`` that end by themselves. It saves a
task before it accepts an offer for it, and what an update says before it acknowledges it; it
reconciles after every subscription and from time to time; what it does not know, or has given up,
it kills. Some are slow with offers, or hoard them: that is allowed, and must not hurt others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import msgspec
from msgspec.structs import replace

from orchestrator.mesos.scheduler import (
    Accept,
    Acknowledge,
    Call,
    CallType,
    Decline,
    Event,
    EventType,
    Kill,
    Reconcile,
    ReconcileTask,
    Roles,
)
from orchestrator.mesos.types import (
    AgentID,
    Filters,
    FrameworkID,
    Offer,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from orchestrator.runtime.machine import Save
from orchestrator.simulator.framework_launches import BATCH, SERVICE, fitting, operation_of, task_of
from orchestrator.simulator.framework_records import (
    Ambition,
    Disconnected,
    Heard,
    Hurry,
    Input,
    Job,
    KillOne,
    Ledger,
    Retire,
    Scale,
    Send,
    subscription,
)

CARE_S = 10.0  # between reconciliations, and repetitions of kills and revivals
PATIENCE_S = 15.0  # with an unreachable task, before it is replaced
LAUNCHES_AN_OFFER = 3
CHECKED_EVERY = 4  # every so many tasks have a health check


class ModelFramework:
    """The machine; ``kept`` is what its last life saved, nothing for the first."""

    def __init__(self, ambition: Ambition, kept: Mapping[str, bytes], random: Random) -> None:
        self.ambition = ambition
        self.ledger = Ledger(services=ambition.services, batches=ambition.batches)
        self.jobs: dict[str, Job] = {}
        self.is_connected = False
        self._random = random
        self._think_s = ambition.think_s
        self._offers: dict[str, tuple[float, Offer]] = {}  # when each is to be answered
        self._care_at: float | None = None
        self._is_suppressed = False
        self._outbox: list[Save | Send] = []
        for key, value in kept.items():
            if key == "ledger":
                self.ledger = msgspec.json.decode(value, type=Ledger)
            else:
                job = msgspec.json.decode(value, type=Job)
                self.jobs[job.id] = job

    # --- what it is ----------------------------------------------------------------------------

    @property
    def roles(self) -> list[str]:
        """The roles it is in."""
        return list(self.ambition.roles)

    @property
    def is_content(self) -> bool:
        """Whether all that is wanted runs, and all that is to end has ended."""
        kinds = [job.kind for job in self.jobs.values() if job.state is TaskState.RUNNING]
        is_idle = not self.ledger.batches and len(kinds) == len(self.jobs)
        is_clean = not any(job.is_unwanted for job in self.jobs.values())
        return is_idle and is_clean and kinds == [SERVICE] * self.ledger.services

    def subscription(self) -> Call:
        """The call that opens its stream."""
        return subscription(self.ambition, self.ledger.framework_id)

    # --- the machine ---------------------------------------------------------------------------

    def handle(self, event: Input, now: float) -> Sequence[Save | Send]:
        """See Machine."""
        match event:
            case Heard(event=told):
                self._hear(told, now)
            case Disconnected():
                self.is_connected = False
                self._care_at = None
                self._offers.clear()
            case Scale(services=services):
                self._keep(replace(self.ledger, services=services))
                self._shrink()
            case KillOne():
                self._give_up(self._wanted()[:1])
            case Retire():
                self._keep(replace(self.ledger, is_retiring=True))
                self._call(CallType.TEARDOWN)
            case Hurry():
                self._think_s = 0.0
                self._offers = {id_: (now, offer) for id_, (_, offer) in self._offers.items()}
        self._want_offers()
        return self._take()

    def wake_at(self) -> float | None:
        """See Machine."""
        moments = [at for at, _ in self._offers.values()]
        return min(moments + ([self._care_at] if self._care_at is not None else []), default=None)

    def wake(self, now: float) -> Sequence[Save | Send]:
        """See Machine."""
        for at, offer in list(self._offers.values()):
            if at <= now:
                self._answer(offer)
        if self._care_at is not None and self._care_at <= now:
            self._care(now)
        return self._take()

    def _take(self) -> Sequence[Save | Send]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def _hear(self, event: Event, now: float) -> None:
        match event.type:
            case EventType.SUBSCRIBED if event.subscribed:
                self.is_connected, self._is_suppressed = True, False
                self._keep(replace(self.ledger, framework_id=event.subscribed.framework_id.value))
                self._care(now)
            case EventType.OFFERS if event.offers:
                for offer in event.offers.offers:
                    at = now + self._random.uniform(0.0, self._think_s)
                    self._offers[offer.id.value] = (at, offer)
            case EventType.RESCIND if event.rescind:
                self._offers.pop(event.rescind.offer_id.value, None)
            case EventType.UPDATE if event.update:
                self._on_status(event.update.status, now)
            case EventType.ERROR if event.error and "removed" in event.error.message:
                self._begin_anew()

    def _begin_anew(self) -> None:
        """The master has ended this framework and its tasks; the next one has other ids."""
        for job in list(self.jobs.values()):
            self._drop(job)
        self._keep(replace(self.ledger, framework_id=None, is_retiring=False))

    # --- tasks ---------------------------------------------------------------------------------

    def _on_status(self, status: TaskStatus, now: float) -> None:
        job = self.jobs.get(status.task_id.value)
        if job is None:
            if not status.state.is_terminal and status.state not in _NOT_THERE:
                self._kill(status.task_id.value, status.agent_id)
        elif status.state.is_terminal or status.state is TaskState.UNKNOWN:
            self._drop(job)
            self._count_again(job, has_finished=status.state is TaskState.FINISHED)
        else:
            is_lost = status.state is TaskState.UNREACHABLE
            lost_at = (job.lost_at or now) if is_lost else None
            self._put(replace(job, state=status.state, lost_at=lost_at))
            if job.is_unwanted and not is_lost:
                self._kill(job.id, status.agent_id)
        if status.uuid is not None and status.agent_id is not None:
            body = Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            self._call(CallType.ACKNOWLEDGE, acknowledge=body)

    def _count_again(self, job: Job, *, has_finished: bool) -> None:
        """A batch that did not get done has to be done again."""
        if job.kind == BATCH and not has_finished and not job.is_unwanted:
            self._keep(replace(self.ledger, batches=self.ledger.batches + 1))

    def _give_up(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._count_again(job, has_finished=False)
            self._put(replace(job, is_unwanted=True))
            self._kill(job.id, AgentID(value=job.agent_id))

    def _shrink(self) -> None:
        services = [job for job in self._wanted() if job.kind == SERVICE]
        self._give_up(services[self.ledger.services :])

    def _wanted(self) -> list[Job]:
        return [job for job in self.jobs.values() if not job.is_unwanted]

    def _care(self, now: float) -> None:
        """Make up for whatever was lost on the way."""
        self._care_at = now + CARE_S * self._random.uniform(0.8, 1.2)
        if self.ledger.is_retiring:
            self._call(CallType.TEARDOWN)
            return
        jobs = [
            ReconcileTask(task_id=TaskID(value=job.id), agent_id=AgentID(value=job.agent_id))
            for job in self.jobs.values()
        ]
        for wanted in ([jobs] if jobs else []) + [[]]:
            self._call(CallType.RECONCILE, reconcile=Reconcile(tasks=wanted))
        self._replace_lost(now)
        for job in self.jobs.values():
            if job.is_unwanted and job.lost_at is None:
                self._kill(job.id, AgentID(value=job.agent_id))
        if self._lacking():
            self._is_suppressed = False
            self._call(CallType.REVIVE, revive=Roles())

    def _replace_lost(self, now: float) -> None:
        """Forget what has been unreachable for long; should it come back, it is killed."""
        for job in list(self.jobs.values()):
            if job.lost_at is not None and now >= job.lost_at + PATIENCE_S:
                self._drop(job)
                self._count_again(job, has_finished=False)

    # --- offers --------------------------------------------------------------------------------

    def _lacking(self) -> list[str]:
        """The kinds of task still to be launched."""
        services = sum(1 for job in self._wanted() if job.kind == SERVICE)
        missing = max(0, self.ledger.services - services)
        return [SERVICE] * missing + [BATCH] * self.ledger.batches

    def _answer(self, offer: Offer) -> None:
        del self._offers[offer.id.value]
        in_groups = self.ambition.in_groups
        lacking = [] if self.ledger.is_retiring else self._lacking()
        kinds = fitting(lacking[:LAUNCHES_AN_OFFER], offer, in_groups=in_groups)
        tasks = [self._launch(kind, offer) for kind in kinds]
        filters = Filters(refuse_seconds=self._random.choice([0.0, 1.0, 5.0]))
        if not tasks:
            decline = Decline(offer_ids=[offer.id], filters=filters)
            self._call(CallType.DECLINE, decline=decline)
            return
        name = f"{self.ambition.name}.pod-{self.ledger.launched}"
        operation = operation_of(tasks, executor=name if in_groups else None)
        accept = Accept(offer_ids=[offer.id], operations=[operation], filters=filters)
        self._call(CallType.ACCEPT, accept=accept)

    def _launch(self, kind: str, offer: Offer) -> TaskInfo:
        number = self.ledger.launched + 1
        batches = self.ledger.batches - (kind == BATCH)
        self._keep(replace(self.ledger, launched=number, batches=batches))
        job = Job(
            id=f"{self.ambition.name}.{kind}-{number}", kind=kind, agent_id=offer.agent_id.value
        )
        self._put(job)
        return task_of(job, offer.agent_id, is_checked=number % CHECKED_EVERY == 0)

    def _want_offers(self) -> None:
        lacks = bool(self._lacking())
        if lacks is self._is_suppressed and self.is_connected:
            self._is_suppressed = not lacks
            self._call(CallType.REVIVE if lacks else CallType.SUPPRESS)

    # --- effects -------------------------------------------------------------------------------

    def _keep(self, ledger: Ledger) -> None:
        if ledger != self.ledger:
            self.ledger = ledger
            self._outbox.append(Save("ledger", msgspec.json.encode(ledger)))

    def _put(self, job: Job) -> None:
        if self.jobs.get(job.id) != job:
            self.jobs[job.id] = job
            self._outbox.append(Save("jobs/" + job.id, msgspec.json.encode(job)))

    def _drop(self, job: Job) -> None:
        del self.jobs[job.id]
        self._outbox.append(Save("jobs/" + job.id, None))

    def _kill(self, task_id: str, agent_id: AgentID | None) -> None:
        self._call(CallType.KILL, kill=Kill(task_id=TaskID(value=task_id), agent_id=agent_id))

    def _call(self, kind: CallType, **body: object) -> None:
        if self.is_connected and self.ledger.framework_id is not None:
            id_ = FrameworkID(value=self.ledger.framework_id)
            call = Call(type=kind, framework_id=id_, **body)  # type: ignore[arg-type]
            self._outbox.append(Send(call))


_NOT_THERE = (TaskState.UNREACHABLE, TaskState.UNKNOWN)
