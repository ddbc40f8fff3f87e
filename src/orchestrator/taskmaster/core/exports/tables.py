"""Tables: for spreadsheets, and for Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.model import Task

HEADINGS = (
    "id",
    "title",
    "status",
    "priority",
    "component",
    "dependencies",
    "estimate_h",
    "deliverables",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row(task: Task) -> tuple[str, ...]:
    """A task under these headings."""
    return (
        str(task.id),
        task.title,
        task.status.value,
        task.priority.value,
        task.component,
        ", ".join(map(str, task.dependencies)),
        "" if task.estimate_h is None else f"{task.estimate_h:g}",
        ", ".join(task.deliverables),
    )


def to_csv(tasks: Sequence[Task]) -> str:
    """RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADINGS)
    for task in tasks:
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row(task)])
    return file.getvalue()


def to_markdown(tasks: Sequence[Task]) -> str:
    """A table that TaskMaster reads again."""
    names = ("ID", "Title", "Status", "Priority", "Component", "Dependencies", "Estimate", "Files")
    lines = [names, tuple("---" for _ in names)]
    for task in tasks:
        cells = list(row(task))
        cells[2] = f"{marks.MARK_OF[task.status]} {task.status}"
        cells[6] = f"{cells[6]} h" if cells[6] else ""
        cells[7] = ", ".join(f"`{each}`" for each in task.deliverables)
        lines.append(tuple(_cell(cell) for cell in cells))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
