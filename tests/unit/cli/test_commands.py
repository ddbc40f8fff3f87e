"""The commands as a whole: help, import discipline, how they end."""

import io
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from orchestrator import __version__
from orchestrator.cli import errors
from orchestrator.cli.main import cli

COMMANDS = cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: cli {name} [OPTIONS]")


def test_help_lists_every_command() -> None:
    listed = CliRunner().invoke(cli, ["--help"]).stdout
    assert all(f"\n  {name} " in listed for name in COMMANDS)


def test_version_is_printed() -> None:
    assert CliRunner().invoke(cli, ["version"]).stdout == f"{__version__}\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(cli, ["mster"]).exit_code == 2


def test_client_commands_import_no_server_and_no_asyncio() -> None:
    program = (
        "import sys, click; from orchestrator.cli.main import cli, _CLIENT\n"
        "for name in _CLIENT: cli.get_command(click.Context(cli), name)\n"
        "heavy = {'asyncio', 'rich', 'starlette', 'uvicorn', 'aiohttp', 'yaml', "
        "'orchestrator.master', 'orchestrator.agent', 'orchestrator.marathon'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_the_app_loads_no_library_of_what_it_is_not_told_to_use() -> None:
    program = (
        "import sys, orchestrator.cli.servers.app\n"
        "print(sorted({'nats', 'aiohttp', 'igraph'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_a_reader_that_goes_away_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def talk() -> None:
        raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "argv", ["talk"])
    with pytest.raises(SystemExit) as ended:
        errors.run(talk)
    assert ended.value.code == 1
