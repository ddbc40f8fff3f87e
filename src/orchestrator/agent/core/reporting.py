"""Keeps tasks and tells of them: each change is in the book, on disk and under way, in that order.

Everything that changes a task goes through here, so the book and the checkpoint never differ, and
an update is never sent before it is durable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec.structs import replace

from orchestrator.agent.core import checkpoint, status
from orchestrator.agent.core.book import Book
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.messages import Effect
from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import Task
from orchestrator.agent.core.updates import UpdateStreams
from orchestrator.mesos import link
from orchestrator.mesos.types import ContainerID, ContainerStatus, FrameworkInfo, TaskStatus
from orchestrator.runtime.machine import Save

Effects = list[Save | Effect]


class Ids(Protocol):
    """Where names that nobody else has come from."""

    def update_uuid(self) -> bytes:
        """16 bytes that name a status update."""
        ...

    def container_id(self) -> str:
        """A name for a container, fit to be the name of a directory."""
        ...


class Reporter:
    """Of the tasks in ``book``, on a host at the address ``ip``."""

    def __init__(self, book: Book, ids: Ids, ip: str) -> None:
        self.book = book
        self.ids = ids
        self.streams = UpdateStreams()
        self._ip = ip

    # --- tasks ---------------------------------------------------------------------------------

    def keep(self, task: Task) -> Save:
        """Hold the task in its new form."""
        self.book.put(task)
        return checkpoint.save_task(task)

    def tell(
        self, task: Task, verdict: Verdict, now: float, *, data: bytes | None = None
    ) -> Effects:
        """Keep the task with one more update, and send that if none is under way."""
        update = status.update(task, verdict, self.ids.update_uuid(), self._ip, now)
        update = replace(update, data=data) if data is not None else update
        return self.forward(task, update, now)

    def forward(self, task: Task, update: TaskStatus, now: float) -> Effects:
        """Keep the task with an update that is written already."""
        updates = () if task.is_disowned else (*task.updates, update)
        told = replace(task, state=update.state, latest=update, updates=updates)
        save = self.keep(told)
        return [save, *(self.streams.send([told], now) if len(updates) == 1 else [])]

    def acknowledged(self, those: Iterable[link.Acknowledgement], now: float) -> Effects:
        """Strike updates that their framework has dealt with."""
        effects: Effects = []
        for one in those:
            task = self.book.find(one.framework_id.value, one.task_id.value)
            if task is not None and task.updates and task.updates[0].uuid == one.uuid:
                effects += self._strike_oldest(task, now)
        return effects

    def _strike_oldest(self, task: Task, now: float) -> Effects:
        self.streams.settled(task.id)
        rest = replace(task, updates=task.updates[1:])
        if not rest.updates and rest.has_ended:
            return self.remove(rest)
        return [self.keep(rest), *self.streams.send([rest], now)]

    def disown(self, task: Task) -> Task:
        """The task as it is when nobody waits for its updates any more."""
        self.streams.settled(task.id)
        return replace(task, is_disowned=True, updates=())

    def remove(self, task: Task) -> Effects:
        """Forget a task that has ended, and what was there for its sake only."""
        self.book.put(task)
        self.book.remove(task)
        return [checkpoint.drop_task(task), *self._forget_framework_if_done(task.framework_id)]

    # --- executors and frameworks --------------------------------------------------------------

    def keep_executor(self, executor: Executor) -> Save:
        """Hold the executor in its new form."""
        self.book.put_executor(executor)
        return checkpoint.save_executor(executor)

    def remove_executor(self, executor: Executor) -> Effects:
        """Forget an executor that has ended."""
        self.book.put_executor(executor)
        self.book.remove_executor(executor)
        dropped = checkpoint.drop_executor(executor)
        return [dropped, *self._forget_framework_if_done(executor.framework_id)]

    def where(self, executor: Executor) -> ContainerStatus:
        """Where an executor runs, and its tasks in it."""
        id_ = ContainerID(value=executor.id)
        return status.container_status(id_, executor.pid, (self._ip,), executor.info.container)

    def keep_framework(self, framework: FrameworkInfo, *, only_known: bool) -> Effects:
        """Note how a framework describes itself."""
        if framework.id is None:
            return []
        old = self.book.frameworks.get(framework.id.value)
        if old == framework or (old is None and only_known):
            return []
        self.book.frameworks[framework.id.value] = framework
        return [checkpoint.save_framework(framework.id.value, framework)]

    def _forget_framework_if_done(self, framework_id: str) -> Effects:
        if self.book.has_business_with(framework_id) or framework_id not in self.book.frameworks:
            return []
        del self.book.frameworks[framework_id]
        return [checkpoint.drop_framework(framework_id)]
