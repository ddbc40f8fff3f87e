"""`task-master`: reads a product requirements document and keeps its tasks."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from orchestrator import __version__
from orchestrator.cli import errors
from orchestrator.cli.lazy import Lazy, LazyGroup
from orchestrator.cli.taskmaster.project import Project

_READ = {
    "parse-prd": Lazy("documents", "Read a document and take over its tasks.", "parse_prd"),
    "validate": Lazy("documents", "Say what is wrong with a document or with the tasks."),
    "diff": Lazy("documents", "Compare two versions of a document."),
    "write-back": Lazy("documents", "Write the statuses into the document.", "write_back"),
}
_SHOW = {
    "list": Lazy("showing", "List the tasks.", "list_tasks"),
    "show": Lazy("showing", "Show a task, and where what is known of it comes from."),
    "deps": Lazy("showing", "Show what depends on what."),
    "status": Lazy("summing", "Show how far everything is."),
    "metrics": Lazy("summing", "Print the numbers, for people or for Prometheus."),
    "report": Lazy("summing", "Write a report in Markdown."),
    "export": Lazy("summing", "Write the tasks as json, csv, md, dot, mermaid or html."),
    "verify": Lazy("summing", "Say which deliverables there are."),
}
_WORK = {
    "next": Lazy("working", "Show the next task; with --auto claim and run it.", "next_"),
    "resume": Lazy("changing", "Record that a task is being worked on."),
    "complete": Lazy("changing", "Record that a task is done."),
    "skip": Lazy("changing", "Record that a task is put off."),
    "undo": Lazy("changing", "Take back the latest change."),
}


@click.group(
    cls=LazyGroup,
    package="orchestrator.cli.taskmaster",
    sections={"Documents": _READ, "Tasks": _SHOW, "Work": _WORK},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="task-master")
@click.option(
    "-C",
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The project, or a directory in it; default: this one.",
)
@click.option(
    "--tag",
    default="master",
    envvar="TASKMASTER_TAG",
    show_envvar=True,
    show_default=True,
    help="Which of several lists of tasks.",
)
@click.pass_context
def cli(context: click.Context, directory: Path, tag: str) -> None:
    """Tasks from a document: `task-master parse-prd --input=PRD.md`, then `task-master next`.

    Exit codes: 0 done, 1 failed, 2 usage, 3 nothing ready (with --exit-code), 4 unknown task,
    5 invalid document or state.
    """
    context.obj = Project.at(directory, tag)


def main() -> None:
    """Run the command."""
    gc.disable()  # it ends soon, and a document of a megabyte makes a million objects that stay
    errors.run(cli)


if __name__ == "__main__":
    main()
