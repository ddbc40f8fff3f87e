"""A plan as one page of HTML, without scripts or anything to load."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.exports.tables import HEADINGS, row
from orchestrator.taskmaster.core.model import Task
from orchestrator.taskmaster.core.summing import summarise

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .4rem .6rem; text-align: left }
progress { width: 20rem }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } }
"""


def to_html(name: str, tasks: Sequence[Task]) -> str:
    """For a browser, or an artefact of a CI job."""
    summary = summarise(tasks)
    title = f"Tasks of {escape(name)}"
    head = "".join(f"<th>{escape(each.replace('_', ' '))}</th>" for each in HEADINGS)
    rows = "\n".join(_row(task) for task in tasks)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        f"<p><progress value='{summary.done_ratio:.3f}'></progress> {summary.done_ratio:.0%} of"
        f" {summary.total} tasks are done.</p>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


def _row(task: Task) -> str:
    cells = list(row(task))
    cells[2] = f"{marks.MARK_OF[task.status]} {cells[2]}"
    return f'<tr id="task-{task.id}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
