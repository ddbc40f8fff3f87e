"""Writes docs/states.md from the transition tables that the code runs on: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.agent.core.task import MOVES
from orchestrator.marathon.core.condition import TRANSITIONS, Condition
from orchestrator.mesos.types import TaskState

PAGE = Path(__file__).parent / "states.md"
_HEAD = """# States

Drawn by `make docs` from the tables in the code; do not edit.
"""

Edges = Mapping[tuple[str, str], list[str]]


def page() -> str:
    """The whole page."""
    agent = {(s.value, t.value): [""] for s, targets in MOVES.items() for t in sorted(targets)}
    return "\n".join(
        [
            _HEAD,
            _section("A task on its agent", "agent/core/task.py", agent, "STAGED", ["ENDED"]),
            _section(
                "An instance in Marathon",
                "marathon/core/condition.py",
                _by_condition(TRANSITIONS),
                "Scheduled",
                ["Ended"],
            ),
        ]
    )


def _by_condition(table: Mapping[Condition, Mapping[TaskState, Condition]]) -> Edges:
    """Marathon's table, with all the ways to end drawn as one."""
    edges: dict[tuple[str, str], list[str]] = {("Scheduled", "Provisioned"): ["offer accepted"]}
    for source, moves in table.items():
        for status, target in moves.items():
            if target.is_terminal:
                edges[source.value, "Ended"] = ["an end"]
            else:
                label = status.value.removeprefix("TASK_")
                edges.setdefault((source.value, target.value), []).append(label)
    edges["Ended", "Scheduled"] = ["wanted still: next incarnation"]
    return edges


def _section(title: str, source: str, edges: Edges, first: str, last: Iterable[str]) -> str:
    lines = [f"## {title}", "", f"From `{source}`.", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {first}")
    for (start, end), labels in edges.items():
        label = ", ".join(filter(None, labels))
        lines.append(f"    {start} --> {end}" + (f" : {label}" if label else ""))
    lines += [f"    {state} --> [*]" for state in last]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(page())
