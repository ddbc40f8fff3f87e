"""What an agent keeps on disk: its id, its frameworks, executors and tasks, one object each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.overlay import OVERLAY_KEY
from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.task import Task
from orchestrator.mesos import codec
from orchestrator.mesos.link import OverlayMember
from orchestrator.mesos.types import AgentID, FrameworkInfo, Message
from orchestrator.runtime.machine import Save

AGENT_KEY = "agent"
_FRAMEWORKS = "frameworks/"
_TASKS = "tasks/"
_EXECUTORS = "executors/"
_DESTROYED = "destroyed"
_SECRET_VALUE = b'"value":{"data":'  # in a Secret; to look for it costs next to nothing


class Checkpoint(Message):
    """All that was kept."""

    agent_id: AgentID | None = None
    frameworks: dict[str, FrameworkInfo] = {}
    tasks: list[Task] = []
    executors: list[Executor] = []
    overlay: OverlayMember | None = None
    destroyed: int = 0


def load(objects: Mapping[str, bytes]) -> Checkpoint:
    """Read what a store holds. Raises codec.DecodeError when it is not ours."""
    agent, overlay = objects.get(AGENT_KEY), objects.get(OVERLAY_KEY)
    return Checkpoint(
        agent_id=codec.decode(AgentID, agent) if agent is not None else None,
        frameworks={
            key.removeprefix(_FRAMEWORKS): codec.decode(FrameworkInfo, value)
            for key, value in objects.items()
            if key.startswith(_FRAMEWORKS)
        },
        tasks=[
            codec.decode(Task, value) for key, value in objects.items() if key.startswith(_TASKS)
        ],
        executors=[
            codec.decode(Executor, value)
            for key, value in objects.items()
            if key.startswith(_EXECUTORS)
        ],
        overlay=codec.decode(OverlayMember, overlay) if overlay is not None else None,
        destroyed=codec.decode(int, objects[_DESTROYED]) if _DESTROYED in objects else 0,
    )


def save_agent(agent_id: AgentID | None) -> Save:
    """Keep the agent's id, or forget it."""
    return Save(AGENT_KEY, None if agent_id is None else codec.encode(agent_id))


def save_task(task: Task) -> Save:
    """Keep a task as it is now, but for secrets that came with it."""
    return Save(_TASKS + task.id, _encoded(task))


def drop_task(task: Task) -> Save:
    """Forget a task."""
    return Save(_TASKS + task.id, None)


def save_executor(executor: Executor) -> Save:
    """Keep an executor as it is now, but for secrets that came with it."""
    return Save(_EXECUTORS + executor.id, _encoded(executor))


def drop_executor(executor: Executor) -> Save:
    """Forget an executor."""
    return Save(_EXECUTORS + executor.id, None)


def save_framework(framework_id: str, framework: FrameworkInfo) -> Save:
    """Keep a framework's description."""
    return Save(_FRAMEWORKS + framework_id, codec.encode(framework))


def drop_framework(framework_id: str) -> Save:
    """Forget a framework."""
    return Save(_FRAMEWORKS + framework_id, None)


def save_destroyed(number: int) -> Save:
    """Keep how many of the master's orders to destroy volumes are carried out."""
    return Save(_DESTROYED, codec.encode(number))


def drop_all(
    frameworks: Iterable[str], executors: Iterable[Executor], tasks: Iterable[Task]
) -> list[Save]:
    """Forget everything: the agent will not come back under its id."""
    return [
        *(drop_task(task) for task in tasks),
        *(drop_executor(executor) for executor in executors),
        *(drop_framework(framework_id) for framework_id in frameworks),
        save_agent(None),
    ]


def has_secrets(one: Task | Executor) -> bool:
    """Whether it brought secrets along, or has places where some were."""
    return _SECRET_VALUE in codec.encode(one)


def _encoded(one: Task | Executor) -> bytes:
    encoded = codec.encode(one)
    return codec.encode(without_secrets(one)) if _SECRET_VALUE in encoded else encoded
