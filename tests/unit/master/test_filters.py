"""What was refused is not offered again for a while, and never fills the memory."""

from __future__ import annotations

import pytest

from orchestrator.master.core.allocator import filters
from orchestrator.master.core.allocator.filters import Filters
from orchestrator.mesos.resources import Resources

ONE = Resources.of(cpus=1)


def test_of_one_framework_only_the_newest_filters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "MAX_FILTERS_A_FRAMEWORK", 10)
    kept = Filters()
    kept.refuse(("other", "*", "a0"), ONE, 50.0)
    for n in range(100):
        kept.refuse(("greedy", "*", f"a{n}"), ONE, 100.0)
    assert len(kept) == 11
    assert not kept.refuses(("greedy", "*", "a89"), ONE)
    assert kept.refuses(("greedy", "*", "a90"), ONE)
    assert kept.refuses(("other", "*", "a0"), ONE)


def test_when_all_together_have_too_many_only_whoever_adds_more_loses_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filters, "MAX_FILTERS", 10)
    kept = Filters()
    for n in range(4):
        kept.refuse(("other", "*", f"a{n}"), ONE, 50.0)
    for n in range(100):
        kept.refuse(("greedy", "*", f"a{n}"), ONE, 100.0)
    kept.refuse(("late", "*", "a0"), ONE, 100.0)
    assert len(kept) == 10
    assert all(kept.refuses(("other", "*", f"a{n}"), ONE) for n in range(4))
    assert not kept.refuses(("late", "*", "a0"), ONE)


def test_filters_dropped_early_do_not_come_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "MAX_FILTERS_A_FRAMEWORK", 1)
    kept = Filters()
    kept.refuse(("f", "*", "a"), ONE, 10.0)
    kept.refuse(("f", "*", "b"), ONE, 20.0)
    assert kept.expire(15.0) == []
    assert kept.expire(25.0) == ["b"]


def test_a_smaller_refusal_adds_to_a_larger_one_and_ends_with_the_earlier() -> None:
    kept = Filters()
    kept.refuse(("f", "*", "a"), Resources.of(cpus=2), 10.0)
    kept.refuse(("f", "*", "a"), ONE, 20.0)
    assert kept.refuses(("f", "*", "a"), Resources.of(cpus=3))
    assert kept.next_expiry() == 10.0


def test_the_filters_of_a_framework_or_an_agent_that_is_gone_are_forgotten() -> None:
    kept = Filters()
    for framework in ("f", "g"):
        for role in ("r", "s"):
            for agent in ("a", "b"):
                kept.refuse((framework, role, agent), ONE, 10.0)
    kept.clear("f", ["r"])
    assert len(kept) == 6
    kept.clear("f")
    kept.clear_agent("a")
    assert list(kept.about("b")) == [("g", "r"), ("g", "s")]
    assert not kept.about("a")
    assert kept.expire(10.0) == ["b"]
    assert len(kept) == 0
