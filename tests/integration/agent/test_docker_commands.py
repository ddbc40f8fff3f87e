"""Commands run inside a container that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.docker_engine import IMAGE, DockerEngine

from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.execs import Command, Commands


@pytest.fixture
async def commands(clean_engine: DockerEngine) -> AsyncIterator[Commands]:
    client = Engine(clean_engine.socket)
    await client.negotiate()
    await client.create("box", {"Image": IMAGE, "Cmd": ["sleep", "1000"]})
    await client.start("box")
    yield Commands(client)
    await client.close()


def shell(script: str, **fields: object) -> Command:
    return Command(argv=["sh", "-c", script], **fields)  # type: ignore[arg-type]


async def test_a_command_has_an_exit_code_and_output(commands: Commands) -> None:
    command = shell("echo $A; pwd; exit 3", environment={"A": "b"}, directory="/tmp")
    assert await commands.run("box", command, timeout_s=10) == (3, b"b\n/tmp\n")


async def test_output_comes_by_stream_and_input_goes_in(commands: Commands) -> None:
    session = await commands.start("box", shell("cat; echo over >&2; exit 5", stdin=True))
    await session.write(b"first\n")
    await session.write(b"second\n")
    session.end_input()
    pieces = [piece async for piece in session.output()]
    assert b"".join(data for name, data in pieces if name == "stdout") == b"first\nsecond\n"
    assert b"".join(data for name, data in pieces if name == "stderr") == b"over\n"
    assert await session.exit_code() == 5
    session.close()


async def test_a_terminal_has_a_size_that_changes(commands: Commands) -> None:
    script = "[ -t 0 ] && echo terminal; read line; echo got $line"
    command = shell(script, tty=True, stdin=True, rows=10, columns=20)
    session = await commands.start("box", command)
    output = session.output()
    assert (await anext(output))[1].startswith(b"terminal")
    await session.resize(30, 40)
    await session.write(b"x\n")
    rest = b"".join([data async for _, data in output])
    assert b"got x" in rest
    assert await session.exit_code() == 0
    session.close()


async def test_a_command_that_takes_too_long_is_killed(commands: Commands) -> None:
    with pytest.raises(TimeoutError):
        await commands.run("box", shell("sleep 1000 & echo $! > /tmp/pid; wait"), timeout_s=0.5)
    zombie = "read line < /proc/$(cat /tmp/pid)/stat; case $line in *') Z '*) exit 1; esac"
    is_there = shell(f"kill -0 $(cat /tmp/pid) && {{ {zombie}; }}")
    async with asyncio.timeout(60):
        while (await commands.run("box", is_there, timeout_s=10))[0] == 0:
            pass


async def test_a_large_output_is_cut_where_the_caller_says(commands: Commands) -> None:
    command = shell("seq 1 100000")
    code, output = await commands.run("box", command, timeout_s=20, max_bytes=1000)
    assert (code, len(output)) == (0, 1000)


async def test_a_program_that_is_not_there_and_a_container_that_is_not(commands: Commands) -> None:
    code, _ = await commands.run("box", Command(argv=["/no/such"]), timeout_s=10)
    assert code in (126, 127)
    with pytest.raises(EngineError) as refused:
        await commands.run("nobody", shell("true"), timeout_s=10)
    assert refused.value.status == 404
