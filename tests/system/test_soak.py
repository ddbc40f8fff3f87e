"""The master under steady load: its memory stays flat, as ``benchmarks.soak`` judges it.

The short form is part of every run of the tests; ``make soak`` runs the long one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def soak(*flags: str) -> None:
    command = [sys.executable, "-m", "benchmarks.soak", *flags]
    run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr[-4000:]


def test_memory_is_flat_at_500_launches_a_second() -> None:
    soak("--seconds", "48", "--rate", "500")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_memory_is_flat_over_20_minutes_at_1000_launches_a_second() -> None:
    soak("--full")
