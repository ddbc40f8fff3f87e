"""Divides one machine among several agents, so that together they offer what is there."""

from __future__ import annotations

from pathlib import Path

from orchestrator.agent.adapters import detect

_MILLI = 1000


def of_this_machine(agents: int, data_dir: Path) -> list[str]:
    """The ``resources`` setting of each agent; one agent alone detects its own."""
    if agents == 1:
        return [""]
    machine = detect.resources("", data_dir)
    scalars = [
        f"{name}:{machine.milli(name) // agents / _MILLI:.3f}" for name in ("cpus", "mem", "disk")
    ]
    ports = _divided(machine.ranges("ports")[0], agents)
    return [";".join([*scalars, f"ports:[{begin}-{end}]"]) for begin, end in ports]


def _divided(range_: tuple[int, int], parts: int) -> list[tuple[int, int]]:
    """Equal parts of a range of which both ends belong to it; the last takes what remains."""
    begin, end = range_
    size = (end - begin + 1) // parts
    starts = [begin + n * size for n in range(parts)]
    return [*((start, start + size - 1) for start in starts[:-1]), (starts[-1], end)]
