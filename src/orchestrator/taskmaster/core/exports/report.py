"""A report on a plan, in Markdown: what a reader of a pull request or of a CI job wants to see."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.taskmaster.core import choosing, marks
from orchestrator.taskmaster.core.exports.tables import to_markdown
from orchestrator.taskmaster.core.graph import Path
from orchestrator.taskmaster.core.model import Drift, Finding, Task
from orchestrator.taskmaster.core.summing import Summary, summarise


def to_report(
    name: str, tasks: Sequence[Task], drifts: Sequence[Drift] = (), findings: Sequence[Finding] = ()
) -> str:
    """Counts, components, what is next, what waits, what is wrong, and all tasks."""
    summary = summarise(tasks)
    sections = [
        f"# Tasks of {name}\n",
        _counts(summary),
        _components(summary),
        _next(tasks),
        _waiting(tasks),
        _critical(summary.critical),
        _said(drifts, findings),
        "## All tasks\n\n" + to_markdown(tasks),
    ]
    return "\n".join(section for section in sections if section)


def _counts(summary: Summary) -> str:
    lines = [f"{summary.total} tasks, {summary.done_ratio:.0%} done.\n"]
    lines += [
        f"- {marks.MARK_OF[status]} {status}: {count}"
        for status, count in summary.by_status.items()
        if count
    ]
    return "\n".join(lines) + "\n"


def _components(summary: Summary) -> str:
    if not summary.components:
        return ""
    rows = [
        f"| {part.name} | {part.tasks} | {part.done} | {part.done / part.tasks:.0%} |"
        for part in summary.components
    ]
    head = "## Components\n\n| Component | Tasks | Completed | % Done |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _next(tasks: Sequence[Task]) -> str:
    choice = choosing.choose(tasks)
    if choice is None:
        return "## Next\n\nNothing is ready.\n"
    return f"## Next\n\n{choice.task.id}: {choice.task.title} ({'; '.join(choice.reasons)})\n"


def _waiting(tasks: Sequence[Task]) -> str:
    lines = [
        f"- {each.task.id}: {each.task.title}, for {', '.join(map(str, each.dependencies))}"
        for each in choosing.waiting(tasks)
    ]
    return "## Waiting\n\n" + "\n".join(lines) + "\n" if lines else ""


def _critical(path: Path) -> str:
    if len(path.tasks) < 2:
        return ""
    guess = (
        f", {path.without_estimate} of them without an estimate" if path.without_estimate else ""
    )
    chain = " → ".join(map(str, path.tasks))
    return f"## Critical path\n\n{chain}: {path.hours:g} hours{guess}\n"


def _said(drifts: Sequence[Drift], findings: Sequence[Finding]) -> str:
    lines = [f"- line {d.line}: {d.what}: {d.declared} declared, {d.found}" for d in drifts]
    lines += [f"- {finding.level}: {finding.message}" for finding in findings]
    return "## What does not agree\n\n" + "\n".join(lines) + "\n" if lines else ""
