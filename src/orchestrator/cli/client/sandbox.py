"""Finds the files that a task writes, and reads them through its agent.

Marathon knows the tasks, the Mesos master knows which agent and executor each has, the agent knows
the directory. All three are asked as any Mesos tool would.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from orchestrator.cli.client.api import Api
from orchestrator.cli.client.wire import Agents, AgentState, FileRead, MesosTask, MesosTasks
from orchestrator.cli.errors import UnknownError

_CHUNK_BYTES = 64 * 1024
_MAX_CUT_BYTES = 3  # of a character in UTF-8
_REPLACED = "\ufffd"


class TaskFile:
    """One file in a task's sandbox, read from ``offset`` on."""

    def __init__(self, agent: Api, path: str) -> None:
        self._agent = agent
        self._path = path
        self._older: TaskFile | None = None  # what was rotated away, until all of it is read
        self.offset = 0

    def read(self) -> str:
        """What has been written since the last read; at most one chunk, "" for nothing new.

        The agent sends text, in which bytes that are none are replaced and cannot be counted any
        more. So the bytes are counted here, and a character that the chunk cut is left for later.
        """
        if self._older is not None:
            if text := self._older.read():
                return text
            self._older = None
        size = self._at(-1, 0).offset
        if size < self.offset:
            self._notice_rotation(size)
            return self.read()
        length = min(size - self.offset, _CHUNK_BYTES)
        if not length:
            return ""
        text = self._at(self.offset, length).data
        for shorter in range(length - 1, max(0, length - _MAX_CUT_BYTES - 1), -1):
            if not text.endswith(_REPLACED):
                break
            retried = self._at(self.offset, shorter).data
            if not retried.endswith(_REPLACED):
                text, length = retried, shorter
        self.offset += length
        return text

    def read_all(self) -> Iterator[str]:
        """Everything up to the present end."""
        while data := self.read():
            yield data

    def skip_to_last(self, lines: int) -> None:
        """Move to where the last ``lines`` lines begin, looking back a chunk at most."""
        end = self._at(-1, 0).offset
        self.offset = start = max(0, end - _CHUNK_BYTES)
        kept = self.read().splitlines(keepends=True)[-lines:] if lines else []
        self.offset = max(start, end - sum(len(line.encode()) for line in kept))

    def _notice_rotation(self, size: int) -> None:
        """The front of the file became the file beside it: go on where the reading stopped.

        What else makes a file shorter has it read from its start.
        """
        older = TaskFile(self._agent, f"{self._path}.1")
        try:
            moved = older._at(-1, 0).offset
        except UnknownError:
            moved = 0
        if self.offset < moved:
            older.offset, self._older = self.offset, older
        self.offset = max(0, self.offset - moved) if self.offset - moved <= size else 0

    def _at(self, offset: int, length: int) -> FileRead:
        return self._agent.get(
            FileRead, "/files/read", path=self._path, offset=offset, length=length
        )


class Sandboxes:
    """The sandboxes of a cluster; agents are asked once each."""

    def __init__(self, master: Api) -> None:
        self._master = master
        self._agents: dict[str, Api] = {}

    def open(self, task_id: str, name: str) -> TaskFile:
        """Find a file of a task. Raises UnknownError when the task or its sandbox is gone."""
        task = self._task(task_id)
        agent = self.agent_of(task)
        return TaskFile(agent, f"{_directory(agent, task)}/{name}")

    def _task(self, task_id: str) -> MesosTask:
        found = self._master.get(MesosTasks, "/tasks", task_id=task_id, limit=-1).tasks
        task = next((task for task in found if task.id == task_id), None)
        if task is None:
            raise UnknownError(f"the Mesos master knows no task {task_id!r}")
        return task

    def agent_of(self, task: MesosTask) -> Api:
        """The agent that runs a task. Raises UnknownError when it is gone."""
        agent_id = task.slave_id
        if agent_id not in self._agents:
            listed = self._master.get(Agents, "/slaves").slaves
            agent = next((agent for agent in listed if agent.id == agent_id), None)
            if agent is None:
                raise UnknownError(f"agent {agent_id} of the task is not registered any more")
            address = agent.pid.rpartition("@")[2]
            self._agents[agent_id] = Api(f"agent {agent.hostname}", f"http://{address}")
        return self._agents[agent_id]


def _directory(agent: Api, task: MesosTask) -> str:
    state = agent.get(AgentState, "/state")
    for framework in chain(state.frameworks, state.completed_frameworks):
        if framework.id != task.framework_id:
            continue
        for executor in chain(framework.executors, framework.completed_executors):
            if executor.id in (task.id, task.executor_id) and executor.directory:
                return executor.directory
    raise UnknownError(f"the sandbox of task {task.id!r} is gone from its agent")
