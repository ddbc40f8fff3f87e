"""The streams of status updates: one a task, at most one update of each under way.

The updates themselves are part of their task and checkpointed with it; this only decides when the
oldest of a task is sent, and sent again. Many tasks' updates travel in one message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orchestrator.agent.core.messages import Send
from orchestrator.agent.core.retries import Retries
from orchestrator.agent.core.task import Task
from orchestrator.agent.core.wire import update_on_wire
from orchestrator.mesos.link import StatusUpdates

UPDATES_PER_MESSAGE = 500


class UpdateStreams:
    """Open while the agent is registered; closed, it sends nothing and remembers no retry."""

    def __init__(self) -> None:
        self._is_open = False
        self._retries = Retries()

    def open(self, tasks: Iterable[Task], now: float) -> list[Send]:
        """The master listens (again): send what it may have missed."""
        self.close()
        self._is_open = True
        return self.send(tasks, now)

    def close(self) -> None:
        """Nobody listens."""
        self._is_open = False
        self._retries.clear()

    def send(self, tasks: Iterable[Task], now: float) -> list[Send]:
        """Send the oldest update of each task that has one."""
        if not self._is_open:
            return []
        waiting = [task for task in tasks if task.updates]
        for task in waiting:
            self._retries.sent(task.id, now)
        updates = [update_on_wire(task) for task in waiting]
        return [
            Send(message=StatusUpdates(updates=updates[i : i + UPDATES_PER_MESSAGE]))
            for i in range(0, len(updates), UPDATES_PER_MESSAGE)
        ]

    def send_anew(self, tasks: Iterable[Task], now: float) -> list[Send]:
        """The framework may have failed over and missed what is under way: do not wait for that.

        Source: Slave::updateFramework of src/slave/slave.cpp of Apache Mesos.
        """
        waiting = list(tasks)
        for task in waiting:
            self._retries.drop(task.id)
        return self.send(waiting, now)

    def settled(self, container_id: str) -> None:
        """The update under way was acknowledged, or will never be."""
        self._retries.drop(container_id)

    def wake_at(self) -> float | None:
        """When the next retry is due."""
        return self._retries.next_at()

    def wake(self, find: Callable[[str], Task | None], now: float) -> list[Send]:
        """Send again what has waited long enough."""
        due = (find(container_id) for container_id in self._retries.due(now))
        return self.send([task for task in due if task is not None], now)
