"""How long `task-master parse-prd` takes: ``python -m benchmarks.taskmaster``.

A document of 1 MB, a status report of the tests again and again; the whole command, from its start
to the state file on disk. The baseline is a process that has markdown-it parse the same document
and does nothing with it. Medians of rounds in which they take turns.

``parse_prd_s``      the command
``markdown_it_s``    the baseline
``parse_ratio``      the command, by the baseline
``tasks``            how many were read
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import harness
from orchestrator.taskmaster.core.reading import read_text

_BYTES = 1_000_000
_REPORT = Path(__file__).parents[1] / "tests/unit/taskmaster/documents/status.md"
_NUMBER = re.compile(r"\b(Task |TASK_)(\d+)")
_COMMAND = [sys.executable, "-m", "orchestrator.cli.taskmaster.main"]
_BASELINE = """
import gc, sys
from markdown_it import MarkdownIt
gc.disable()
MarkdownIt("commonmark").enable("table").parse(open(sys.argv[1]).read())
"""


def _document(size: int) -> str:
    """A real status report again and again, each time with ids of its own."""
    text = _REPORT.read_text(encoding="utf-8")
    copies = range(size // len(text.encode()) + 1)
    return "".join(_renumbered(text, 100 * n) for n in copies)


def _renumbered(text: str, by: int) -> str:
    return _NUMBER.sub(lambda found: f"{found[1]}{int(found[2]) + by:03}", text)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _measure(directory: Path, rounds: int, size: int) -> harness.Figures:
    document = directory / "PRD.md"
    text = _document(size)
    document.write_text(text)
    ours, baseline = [], []
    for number in range(rounds):
        tag = f"--tag=round{number}"
        command = [*_COMMAND, "-C", str(directory), tag, "parse-prd", f"--input={document}"]
        ours.append(_seconds(command))
        baseline.append(_seconds([sys.executable, "-c", _BASELINE, str(document)]))
    return {
        "parse_prd_s": harness.median(ours),
        "markdown_it_s": harness.median(baseline),
        "parse_ratio": harness.median(ours) / harness.median(baseline),
        "tasks": float(len(read_text(text, "").tasks)),
    }


def main() -> None:
    """Measure and report."""
    flags = harness.parser("task-master parse-prd on a document of a megabyte.").parse_args()
    with TemporaryDirectory() as directory:
        rounds, size = (1, 50_000) if flags.quick else (7, _BYTES)
        figures = _measure(Path(directory), rounds, size)
    harness.report("taskmaster", figures, flags.json)


if __name__ == "__main__":
    main()
