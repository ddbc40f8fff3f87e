"""Weights of roles, changed at run time: how much more than others a role gets of what is free.

``weights/<role>`` in the registry; what is kept there overrides ``--weights``.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.master.core import offers
from orchestrator.master.core.commands import UpdateWeights
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.state import State
from orchestrator.master.core.validation import role_problem
from orchestrator.mesos import codec
from orchestrator.runtime.machine import Save

WEIGHTS = "weights/"
MAX_WEIGHTS = 10_000


def recover(state: State, kept: Mapping[str, bytes]) -> None:
    """After a start: the weights that were set. Raises DecodeError."""
    state.weights = state.weights | {
        key.removeprefix(WEIGHTS): codec.decode(float, value)
        for key, value in kept.items()
        if key.startswith(WEIGHTS)
    }


def update(state: State, command: UpdateWeights) -> None:
    """Set weights, and divide anew by them. Raises OperatorError.

    As in Mesos all offers are taken back, if there is a framework in one of the roles, or below:
    else who holds his offers would keep what is another's share now.
    """
    problems = (_problem(role, weight) for role, weight in command.weights.items())
    if problem := next(filter(None, problems), None):
        raise OperatorError(400, problem)
    if len(state.weights.keys() | command.weights.keys()) > MAX_WEIGHTS:
        raise OperatorError(400, f"No more than {MAX_WEIGHTS} roles can have a weight")
    for role, weight in command.weights.items():
        state.weights[role] = weight
        state.effects.append(Save(WEIGHTS + role, codec.encode(weight)))
    if any(_is_in_use(state, role) for role in command.weights):
        for offer in list(state.cluster.offers.values()):
            offers.take_back(state, offer, tell=True)
    state.reallocate_all()


def _is_in_use(state: State, role: str) -> bool:
    return any(
        one == role or one.startswith(role + "/")
        for framework in state.cluster.frameworks.values()
        for one in framework.roles
    )


def _problem(role: str, weight: float) -> str | None:
    if problem := role_problem(role):
        return problem
    if not 0 < weight < float("inf"):
        return f"The weight of role '{role}' must be positive, not {weight}"
    return None
