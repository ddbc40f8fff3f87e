from __future__ import annotations

import pytest

from orchestrator.migration.adapters.clocks import Shows, clocks_fault
from orchestrator.migration.core.settings import Settings

EXACT = Shows(0, 0)


@pytest.mark.parametrize("ahead_ms", [-600_000, 600_000])
def test_clocks_that_are_further_apart_than_the_settings_know_are_said(ahead_ms: int) -> None:
    fault = clocks_fault(Settings(), EXACT, Shows(ahead_ms, 5))
    more = "more" if ahead_ms > 0 else "less"
    assert fault.startswith(f"the clock of B's leader shows 600000 ms {more} than that of A's")
    assert fault.endswith(f"begin the sync with offset_ms {ahead_ms}")
    assert clocks_fault(Settings(offset_ms=ahead_ms), EXACT, Shows(ahead_ms, 5)) == ""


@pytest.mark.parametrize(("apart_ms", "is_said"), [(1_000, False), (1_020, False), (1_021, True)])
def test_what_the_skew_allows_and_what_was_measured_roughly_is_not_said(
    apart_ms: int, is_said: bool
) -> None:
    fault = clocks_fault(Settings(skew_ms=1_000), Shows(100, 10), Shows(100 + apart_ms, 10))
    assert bool(fault) is is_said


@pytest.mark.parametrize("policy", ["source", "target", "hold"])
def test_other_policies_look_at_no_clock(policy: str) -> None:
    settings = Settings(policy=policy)  # type: ignore[arg-type]
    assert clocks_fault(settings, EXACT, Shows(600_000, 5)) == ""


def test_a_clock_that_could_not_be_looked_at_is_no_fault() -> None:
    assert clocks_fault(Settings(), None, Shows(600_000, 5)) == ""
    assert clocks_fault(Settings(), EXACT, None) == ""
