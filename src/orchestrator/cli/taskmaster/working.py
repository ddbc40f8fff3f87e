"""`task-master next`: the next task, for people and for CI.

With ``--auto`` it is claimed, so that of any number of processes each gets another one; then the
command of the project's settings is run for it, and what came of it recorded. No command is ever
taken from a document.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import click
import msgspec

from orchestrator.cli.errors import CommandError
from orchestrator.cli.taskmaster import output
from orchestrator.cli.taskmaster.project import Project, as_json, pass_project, sentences
from orchestrator.taskmaster.adapters.settings import Next
from orchestrator.taskmaster.core import choosing, graph
from orchestrator.taskmaster.core.choosing import Choice
from orchestrator.taskmaster.core.model import Status, Task
from orchestrator.taskmaster.core.recording import Records, set_status, tasks_of

NOTHING_READY = 3
_STDERR = 2  # the descriptor


class Outcome(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What `next` found, and what the command did; ``task`` is null if nothing is ready."""

    task: output.TaskView | None
    reasons: tuple[str, ...] = ()
    claimed: bool = False
    command_exit_code: int | None = None


@click.command("next")
@click.option("--auto", is_flag=True, help="Claim it, and run the command of the settings.")
@click.option("--exit-code", is_flag=True, help=f"Exit with {NOTHING_READY} if nothing is ready.")
@as_json
@pass_project
def next_(project: Project, auto: bool, exit_code: bool, as_json: bool) -> None:
    """Show the next task: by priority, what is started first, then the document's order."""
    choice = _claimed(project) if auto else choosing.choose(project.tasks())
    settings = project.settings().next
    code = None
    if choice is not None and auto and settings.command:
        code = _run(project, choice.task, settings)
    outcome = Outcome(
        output.view(graph.by_id(project.tasks())[choice.task.id]) if choice else None,
        choice.reasons if choice else (),
        auto and choice is not None,
        code,
    )
    _tell_ci(outcome)
    if as_json:
        output.print_json(outcome)
    else:
        _show(project, choice, code)
    if code:
        raise CommandError(
            f"the command for task {outcome.task and outcome.task.id} failed: {code}"
        )
    if choice is None and exit_code:
        raise SystemExit(NOTHING_READY)


def _claimed(project: Project) -> Choice | None:
    """The best of what nobody works on yet, taken under the lock."""
    choice: Choice | None = None

    def claim(records: Records) -> Records:
        nonlocal choice
        choice = choosing.choose(tasks_of(records), may_be_started=False)
        if choice is None:
            return records
        return set_status(records, choice.task.id, Status.IN_PROGRESS)

    with sentences():
        project.state.change("claim", claim)
    return choice


def _run(project: Project, task: Task, settings: Next) -> int:
    """Run the command; its output goes to stderr. Returns its exit code, 124 if it took too long,
    127 if it cannot be started."""
    environment = os.environ | {
        "TASK_ID": str(task.id),
        "TASK_TITLE": task.title,
        "TASK_PRIORITY": task.priority.value,
        "TASK_STATE": str(project.state.path),
    }
    try:
        done = subprocess.run(
            settings.command,
            cwd=project.state.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            check=False,
            timeout=settings.timeout_s,
        )
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = 124
    except OSError as error:
        output.say(f"{settings.command[0]}: {error.strerror or error}")
        code = 127
    status = Status.DONE if code == 0 else Status.PENDING
    action = "complete" if code == 0 else "give back"
    with sentences():
        project.state.change(
            action, lambda records: set_status(records, task.id, status), f"exit code {code}"
        )
    return code


def _show(project: Project, choice: Choice | None, code: int | None) -> None:
    if choice is None:
        waiting = choosing.waiting(project.tasks())
        output.say("Nothing is ready." if waiting else "Nothing is left to do.")
        for each in waiting[:10]:
            names = ", ".join(map(str, each.dependencies))
            output.say(f"  {each.task.id}: {each.task.title} waits for {names}")
        return
    click.echo(f"{choice.task.id}: {choice.task.title}")
    output.say("because: " + "; ".join(choice.reasons))
    if code is not None:
        output.say("done" if code == 0 else f"given back: the command ended with {code}")


def _tell_ci(outcome: Outcome) -> None:
    """Outputs and a summary, where GitHub Actions asks for them."""
    task = outcome.task
    if path := os.environ.get("GITHUB_OUTPUT"):
        title = " ".join(task.title.split()) if task else ""
        lines = [f"task_id={task.id if task else ''}", f"task_title={title}"]
        _append(path, "\n".join([*lines, f"found={str(task is not None).lower()}", ""]))
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        text = f"**Next task** {task.id}: {task.title}" if task else "Nothing is ready."
        _append(path, f"{text}\n\n{'; '.join(outcome.reasons)}\n")


def _append(path: str, text: str) -> None:
    with sentences(), Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
