"""`orchestrator exec` and `orchestrator attach`."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.sandbox import Sandboxes
from orchestrator.cli.client.session import Session
from orchestrator.cli.client.terminal import Terminal
from orchestrator.cli.client.wire import MesosTask, MesosTasks
from orchestrator.cli.errors import CommandError, UnknownError

_RUNNING = "TASK_RUNNING"


@click.command("exec")
@click.argument("task")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("-i", "--interactive", is_flag=True, help="Pass what is typed or piped in on.")
@click.option("-t", "--tty", is_flag=True, help="Run it in a terminal.")
@output.master
def execute(task: str, command: tuple[str, ...], master: Api, interactive: bool, tty: bool) -> None:
    """Run COMMAND where TASK runs, with its user, directory and variables.

    TASK is a task's id or the beginning of one, such as an app's name. Options of the command go
    after `--`: orchestrator exec -it web -- ls -l. It ends with its exit code.
    """
    session = _session(task, master)
    if tty and not sys.stdin.isatty():
        raise CommandError("--tty needs a terminal on standard input")
    with Terminal(is_wanted=tty and interactive) as terminal:
        stream = session.launch(command, tty=terminal.size() if tty else None, is_tty=tty)
        _end(session.talk(stream, terminal if interactive else None))


@click.command()
@click.argument("task")
@click.option("--no-stdin", is_flag=True, help="Only watch.")
@output.master
def attach(task: str, master: Api, no_stdin: bool) -> None:
    """Connect to the terminal of TASK, which its app has to ask for (`tty`).

    Ctrl-P Ctrl-Q lets go of it again.
    """
    session = _session(task, master)
    with Terminal(is_wanted=not no_stdin and sys.stdin.isatty(), has_exit=True) as terminal:
        _end(session.talk(session.attach(), None if no_stdin else terminal))


def _session(name: str, master: Api) -> Session:
    found = _find(name, master)
    if found.container_id is None:
        raise CommandError(f"the container of task {found.id} is not known yet; try again")
    agent = Sandboxes(master).agent_of(found)
    return Session(agent.url, found.container_id)


def _find(name: str, master: Api) -> MesosTask:
    """A running task by its id, or by the beginning of its id if no other has that."""
    beginning = name.strip("/").replace("/", "_")
    listed = master.get(MesosTasks, "/tasks", limit=-1).tasks
    running = [task for task in listed if task.state == _RUNNING]
    exact = [task for task in running if task.id == name]
    matching = exact or [task for task in running if task.id.startswith(beginning)]
    if not matching:
        raise UnknownError(f"no task whose id begins with {name!r} runs")
    if len(matching) > 1:
        ids = "\n  ".join(sorted(task.id for task in matching)[:20])
        raise CommandError(f"{len(matching)} tasks are called like that; name one:\n  {ids}")
    return matching[0]


def _end(code: int) -> NoReturn:
    sys.exit(code)
