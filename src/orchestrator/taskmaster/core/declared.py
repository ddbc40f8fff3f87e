"""What a document says about itself, compared with what it lists.

Total Tasks: 64        Completed: 10 (16%)        ## Completed Tasks (10/64)
**Current Status**: 11/64 tasks (17%)             a table with the columns Tasks and Completed
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.blocks import Block, Kind, Line
from orchestrator.taskmaster.core.model import Drift, Status, Task

_TOTAL = re.compile(r"\btotal(?: tasks)?:\s*(\d{1,6})\b|\b(\d{1,6}) tasks total\b", re.IGNORECASE)
_COUNT = re.compile(
    r"\W*(completed|done|in progress|pending)(?: tasks)?:\s*(\d{1,6})\s*(?:\((\d{1,3})%\))?\s*",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"\b(\d{1,6})/(\d{1,6})\b(?:\s+(?:tasks|completed|done))?(?:\s*\((\d{1,3})%\))?", re.IGNORECASE
)
_MAY_COUNT = re.compile(r"total|completed|done|progress|pending|/\d", re.IGNORECASE)
_OF_TASKS = re.compile(r"tasks|completed|progress|pending|status", re.IGNORECASE)
_AIM = re.compile(r"\b(?:target|goal|next session)\b", re.IGNORECASE)
_OFF_BY = 1.0  # percent; documents round as they like


def drifts(blocks: Iterable[Block], tasks: Sequence[Task]) -> tuple[Drift, ...]:
    """What is not borne out, each once, in the document's order."""
    lines: list[Line] = []
    rows: list[Block] = []
    for block in blocks:
        if block.kind is Kind.ROW:
            rows.append(block)
        else:
            lines += [line for line in block.lines if _MAY_COUNT.search(line.text)]
    every = [drift for line in lines for drift in _of_line(line, tasks)]
    every += _of_tables(rows, tasks)
    once = {(drift.what, drift.declared, drift.found): drift for drift in reversed(every)}
    return tuple(sorted(once.values(), key=lambda drift: drift.line))


def _of_line(line: Line, tasks: Sequence[Task]) -> Iterator[Drift]:
    if _AIM.search(line.text):
        return
    if total := _TOTAL.search(line.text):
        yield from _total(line.number, int(total[1] or total[2]), tasks)
    if count := _COUNT.fullmatch(line.text):
        status = marks.status_of(count[1])
        if status is not None:
            yield from _count(line.number, status, int(count[2]), tasks)
    fraction = _FRACTION.search(line.text) if _OF_TASKS.search(line.text) else None
    if fraction is not None:
        status = marks.status_in(line.text.replace("Status", "")) or Status.DONE
        yield from _total(line.number, int(fraction[2]), tasks)
        yield from _count(line.number, status, int(fraction[1]), tasks)
        if fraction[3]:
            yield from _percent(line.number, "done", *map(int, fraction.groups()))


def _of_tables(rows: Iterable[Block], tasks: Sequence[Task]) -> Iterator[Drift]:
    """Tables that count tasks by something: their sums, and the percentages of each row."""
    sums: dict[int, tuple[int, int]] = {}
    head = 0
    for row in rows:
        columns = [name.casefold() for name in row.header]
        if row.cells == row.header:
            head = row.first.number
        elif {"tasks", "completed"} <= set(columns):
            cells = dict(zip(columns, row.cells, strict=False))
            count, done = _number(cells.get("tasks")), _number(cells.get("completed"))
            total, so_far = sums.get(head, (0, 0))
            sums[head] = (total + count, so_far + done)
            percent = cells.get("% done", "").strip("% ")
            if percent.isdecimal():
                yield from _percent(row.first.number, row.cells[0], done, count, int(percent))
    for line, (count, done) in sums.items():
        yield from _total(line, count, tasks, "tasks in the table")
        yield from _count(line, Status.DONE, done, tasks, "tasks done in the table")


def _total(
    line: int, declared: int, tasks: Sequence[Task], what: str = "tasks in total"
) -> Iterator[Drift]:
    if declared != len(tasks):
        yield Drift(line, what, str(declared), f"{len(tasks)} listed")


def _count(
    line: int, status: Status, declared: int, tasks: Sequence[Task], what: str = ""
) -> Iterator[Drift]:
    found = sum(task.status is status for task in tasks)
    if declared != found:
        yield Drift(line, what or f"tasks {status}", str(declared), f"{found} listed")


def _percent(line: int, what: str, part: int, whole: int, declared: int) -> Iterator[Drift]:
    percent = 100 * part / whole if whole else 0.0
    if abs(declared - percent) > _OFF_BY:
        found = f"{percent:.0f}% ({part} of {whole})"
        yield Drift(line, f"percentage of {what}", f"{declared}%", found)


def _number(cell: str | None) -> int:
    return int(cell) if cell and cell.isdecimal() and len(cell) < 10 else 0
