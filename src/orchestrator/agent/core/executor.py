"""The life of an executor: what runs several tasks of one framework, and may outlive each of them.

Two kinds have a record here. A *custom* executor is a program of the framework's: it runs in a
container of its own, subscribes to this agent's executor API and runs its tasks itself. The
*default* executor is a part of this agent and needs no process: its tasks have containers, which
share a sandbox and a network, and it lasts as long as any of them. Commands have no record: an
executor of their own, called like the task, is what frameworks see of them.

Goal and condition are those of ``task``; a default executor is RUNNING at once.
"""

from __future__ import annotations

from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import MOVES, Condition, Container, Containerizer, Goal
from orchestrator.mesos.types import ExecutorInfo, Message

DEFAULT = "DEFAULT"
CUSTOM = "CUSTOM"


class Executor(Message):
    """An executor with all that has to survive the agent, as it is checkpointed.

    ``id`` is its container's. ``has_subscribed``: whether it ever did, so that it may know of
    tasks. ``kill_at`` (Unix seconds): when it is ended by force. ``fate``: what its remaining
    tasks are told when it has ended, where the agent knows more than that it ended.
    """

    id: str
    info: ExecutorInfo
    framework_id: str
    framework_user: str
    agent_id: str
    containerizer: Containerizer | None = None
    goal: Goal = Goal.RUN
    condition: Condition = Condition.STAGED
    pid: int | None = None
    has_subscribed: bool = False
    kill_at: float | None = None
    fate: Verdict | None = None
    is_disowned: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Framework id and executor id: what the master calls it."""
        return (self.framework_id, self.info.executor_id.value)

    @property
    def container(self) -> Container:
        """What its containerizer has to run. Raises ValueError for the default executor."""
        if self.containerizer is None:
            raise ValueError("The default executor has no container of its own")
        return Container(
            id=self.id,
            containerizer=self.containerizer,
            framework_id=self.framework_id,
            framework_user=self.framework_user,
            agent_id=self.agent_id,
            executor_id=self.info.executor_id.value,
            command=self.info.command,
            info=self.info.container,
            resources=self.info.resources,
        )

    @property
    def is_custom(self) -> bool:
        """Whether it is a program of the framework's."""
        return self.info.type != DEFAULT

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more, so that its resources are free."""
        return self.condition is Condition.ENDED

    def can_become(self, condition: Condition) -> bool:
        """Whether the table allows the move."""
        return condition in MOVES[self.condition]
