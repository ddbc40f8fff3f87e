"""Weights changed at run time."""

from __future__ import annotations

import pytest

from orchestrator.master.core.commands import UpdateWeights
from orchestrator.master.core.errors import OperatorError

from .world import World


def test_a_weight_changes_who_gets_the_next_agents() -> None:
    world = World()
    heavy, light = world.framework(role="heavy"), world.framework(role="light")
    world.operate(UpdateWeights({"heavy": 3.0}))
    for _ in range(8):
        world.agent()
    assert (len(heavy.open_offers), len(light.open_offers)) == (6, 2)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_is_a_positive_number(weight: float) -> None:
    with pytest.raises(OperatorError, match="must be positive"):
        World().operate(UpdateWeights({"fine": 2.0, "a": weight}))


def test_a_weight_needs_a_role_that_can_be() -> None:
    world = World()
    with pytest.raises(OperatorError, match="empty part"):
        world.operate(UpdateWeights({"a//b": 2.0}))
    assert world.master.state.weights == {}


def test_weights_survive_the_master_and_override_its_flags() -> None:
    world = World(weights={"a": 5.0, "b": 4.0})
    world.operate(UpdateWeights({"a": 2.0}))
    assert world.restarted().master.state.weights["a"] == 2.0


@pytest.mark.parametrize(("role", "shares"), [("heavy", (6, 2)), ("nobody", (4, 4))])
def test_what_is_offered_is_divided_anew_by_new_weights(role: str, shares: tuple[int, int]) -> None:
    world = World()
    heavy, light = world.framework(role="heavy"), world.framework(role="light")
    for _ in range(8):
        world.agent()
    world.operate(UpdateWeights({role: 3.0}))
    assert (len(heavy.open_offers), len(light.open_offers)) == shares
