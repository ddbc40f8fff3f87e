"""The simulator itself: a seed decides everything, and a run is not empty."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from orchestrator.cli.simulate import simulate
from orchestrator.simulator import Fault, Options, Run

DIGEST = (
    "from orchestrator.simulator import Options, Run\n"
    "for seed in range(8):\n"
    "    run = Run(seed, Options(trace=None)); print(run.outcome(), run.trace.digest())\n"
)


def course_of_seeds(hash_seed: str) -> str:
    """What some seeds do in a process whose sets and dicts hash differently."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", DIGEST]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_seed_takes_the_same_course_in_every_process() -> None:
    assert course_of_seeds("1") == course_of_seeds("2")


def test_other_seeds_take_other_courses() -> None:
    first, second = (Run(seed, Options(trace=None)) for seed in (1, 2))
    first.outcome(), second.outcome()
    assert first.trace.digest() != second.trace.digest()


def test_tasks_run_and_end_and_are_acknowledged() -> None:
    runs = [Run(seed, Options(trace=None)) for seed in range(6)]
    assert [run.outcome().violation for run in runs] == [None] * 6
    told = "".join(line for run in runs for line in run.trace.lines())
    for word in ("TASK_RUNNING", "TASK_FINISHED", "TASK_KILLED", "ACKNOWLEDGE", "ForgetContainer"):
        assert word in told


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_strikes_alone(fault: Fault) -> None:
    run = Run(11, Options(faults=frozenset({fault}), trace=None))
    assert run.outcome().violation is None
    assert any(f"fault: {fault}" in line for line in run.trace.lines())


def test_without_faults_nothing_goes_wrong() -> None:
    run = Run(3, Options(faults=frozenset(), trace=None))
    assert run.outcome().violation is None
    assert not any(" ! " in line for line in run.trace.lines())


def test_events_bound_the_faults() -> None:
    assert Run(5, Options(events=100)).outcome().events < Run(5, Options()).outcome().events


def test_a_seed_is_replayed_with_a_trace() -> None:
    result = CliRunner().invoke(simulate, ["--seed", "3", "--trace"])
    assert result.exit_code == 0
    assert "RunTasks" in result.output
    assert "seed 3: all well" in result.output


@pytest.mark.parametrize("arguments", [[], ["--seed", "1", "--seeds", "2"]])
def test_one_seed_or_many_have_to_be_asked_for(arguments: list[str]) -> None:
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert "--seeds COUNT" in result.output


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(simulate, ["--seed", "1", "--faults", "flood"])
    assert result.exit_code == 2
    assert "partition" in result.output
