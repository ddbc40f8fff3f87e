"""Commands of checks inside containers that somebody else runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.agent.world import container_of, task_info

from orchestrator.agent.adapters.checks.commands import CommandError
from orchestrator.agent.adapters.checks.within import CommandsWithin, NotStartedError
from orchestrator.agent.core.checking.probe import (
    CommandExited,
    Outcome,
    ProbeFailed,
    ProbeSkipped,
)
from orchestrator.mesos.types import (
    CommandInfo,
    Environment,
    EnvironmentVariable,
    Secret,
    SecretValue,
)


class Somebody:
    """Runs commands as told, and remembers which."""

    def __init__(self, result: int | Exception | None = 0) -> None:
        self.result = result
        self.ran: list[tuple[list[str], Mapping[str, str]]] = []

    async def execute(self, _: str, words: list[str], variables: Mapping[str, str]) -> int | None:
        self.ran.append((words, variables))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def outcome(somebody: Somebody, command: CommandInfo) -> Outcome:
    return await CommandsWithin(somebody.execute).run(container_of(task_info()), command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (CommandInfo(value="a b"), ["/bin/sh", "-c", "a b"]),
        (CommandInfo(shell=False, value="/a", arguments=["b", "c"]), ["/a", "b", "c"]),
        (CommandInfo(shell=False, value="/a"), ["/a"]),
    ],
)
async def test_a_command_is_run_as_docker_exec_would(
    command: CommandInfo, words: list[str]
) -> None:
    somebody = Somebody()
    assert await outcome(somebody, command) == CommandExited(code=0)
    assert somebody.ran == [(words, {})]


async def test_it_gets_variables_of_its_own() -> None:
    somebody = Somebody()
    variables = Environment(variables=[EnvironmentVariable(name="A", value="x")])
    await outcome(somebody, CommandInfo(value="true", environment=variables))
    assert somebody.ran[0][1] == {"A": "x"}


async def test_no_secret_is_put_where_others_see_it() -> None:
    somebody = Somebody()
    secret = Secret(type="VALUE", value=SecretValue(data=b"x"))
    variable = EnvironmentVariable(name="A", type="SECRET", secret=secret)
    command = CommandInfo(value="true", environment=Environment(variables=[variable]))
    assert isinstance(await outcome(somebody, command), ProbeSkipped)
    assert somebody.ran == []


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (3, CommandExited(code=3)),
        (None, ProbeSkipped(reason="Nobody knows how the command ended")),
        (CommandError("no Engine"), ProbeSkipped(reason="The command cannot be run: no Engine")),
        (
            NotStartedError("no such file"),
            ProbeFailed(reason="Command could not be started: no such file"),
        ),
    ],
)
async def test_only_what_the_command_does_counts(
    result: int | Exception | None, expected: Outcome
) -> None:
    assert await outcome(Somebody(result), CommandInfo(value="true")) == expected
