"""Which process a command in a container is, as the Engine tells it bit by bit."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.agent.adapters.docker.execs import Session
from orchestrator.agent.adapters.docker.wire import ExecInspection

STARTED = ExecInspection(id="e", running=True, pid=0)  # it may have written by now
RUNS = ExecInspection(id="e", running=True, pid=42)
ENDED = ExecInspection(id="e", running=False, pid=42, exit_code=0)


class FakeEngine(Engine):
    """Answers what the test says, in turn."""

    def __init__(self, *answers: ExecInspection) -> None:
        self.answers = list(answers)

    async def inspect_exec(self, exec_id: str) -> ExecInspection:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("answers", "pid"), [((RUNS,), 42), ((STARTED, RUNS), 42), ((STARTED, ENDED), None)]
)
async def test_the_pid_is_waited_for_as_long_as_the_command_runs(
    answers: tuple[ExecInspection, ...], pid: int | None
) -> None:
    engine = FakeEngine(*answers)
    writer = mock.create_autospec(asyncio.StreamWriter)
    session = Session(engine, "e", asyncio.StreamReader(), writer, tty=False)
    assert await session.pid() == pid
    assert engine.answers == []
