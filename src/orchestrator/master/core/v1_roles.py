"""Roles, weights and quota in the operator API, both ways.

Source: quota.proto, and src/master/quota_handler.cpp of Mesos 1.11: a guarantee in the form before
1.9 is a list of unreserved scalar resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.master.core import commands, roles
from orchestrator.master.core.commands import RoleQuota
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.state import State
from orchestrator.mesos import operator
from orchestrator.mesos.resources import MILLI, ResourceError, to_milli
from orchestrator.mesos.types import FrameworkID, Resource, Scalar, ValueType

# --- what is shown -------------------------------------------------------------------------------


def get_roles(master: State) -> operator.GetRoles:
    """GET_ROLES."""
    return operator.GetRoles(
        roles=[
            operator.Role(
                name=view.name,
                weight=view.weight,
                frameworks=[FrameworkID(value=framework_id) for framework_id in view.frameworks],
                resources=_resources(view.allocated),
            )
            for view in roles.views(master)
        ]
    )


def get_weights(master: State) -> operator.GetWeights:
    """GET_WEIGHTS: those that were set."""
    return operator.GetWeights(
        weight_infos=[
            operator.WeightInfo(role=role, weight=weight)
            for role, weight in sorted(master.weights.items())
        ]
    )


def get_quota(master: State) -> operator.GetQuota:
    """GET_QUOTA, in both forms."""
    quotas = [master.quotas[role] for role in sorted(master.quotas)]
    status = operator.QuotaStatus(
        infos=[
            operator.QuotaInfo(role=quota.role, guarantee=_resources(quota.guarantees))
            for quota in quotas
        ],
        configs=[
            operator.QuotaConfig(
                role=quota.role,
                guarantees=_scalars(quota.guarantees),
                limits=_scalars(quota.limits),
            )
            for quota in quotas
        ],
    )
    return operator.GetQuota(status=status)


def _resources(amounts: Mapping[str, int]) -> list[Resource]:
    return [
        Resource(name=name, type=ValueType.SCALAR, scalar=scalar)
        for name, scalar in _scalars(amounts).items()
    ]


def _scalars(amounts: Mapping[str, int]) -> dict[str, Scalar]:
    return {name: Scalar(value=milli / MILLI) for name, milli in sorted(amounts.items())}


# --- what is asked for ---------------------------------------------------------------------------


def update_quota(body: operator.UpdateQuota) -> commands.UpdateQuota:
    """UPDATE_QUOTA. Raises OperatorError."""
    quotas = tuple(
        RoleQuota(
            role=config.role,
            guarantees=_amounts(config.guarantees),
            limits=_amounts(config.limits),
        )
        for config in body.quota_configs
    )
    return commands.UpdateQuota(quotas, body.force)


def set_quota(body: operator.QuotaRequest) -> commands.SetQuota:
    """SET_QUOTA. Raises OperatorError."""
    if not body.role:
        raise OperatorError(400, "Invalid QuotaInfo: Quota must specify a role")
    if not body.guarantee:
        raise OperatorError(400, "Invalid QuotaInfo: Quota with empty 'guarantee'")
    return commands.SetQuota(body.role, _guarantee(body.guarantee), body.force)


def _guarantee(resources: Iterable[Resource]) -> dict[str, int]:
    scalars: dict[str, Scalar] = {}
    for resource in resources:
        if resource.type is not ValueType.SCALAR or resource.scalar is None:
            raise OperatorError(400, "Invalid QuotaInfo: quota may only consist of scalars")
        if resource.name in scalars:
            raise OperatorError(400, f"Invalid QuotaInfo: '{resource.name}' is named twice")
        if resource.reservation or resource.reservations or resource.role != "*":
            raise OperatorError(400, "Invalid QuotaInfo: quota must not be reserved")
        scalars[resource.name] = resource.scalar
    return _amounts(scalars)


def update_weights(body: operator.UpdateWeights) -> commands.UpdateWeights:
    """UPDATE_WEIGHTS. Raises OperatorError."""
    weights: dict[str, float] = {}
    for info in body.weight_infos:
        if not info.role:
            raise OperatorError(400, "Invalid weight: a role must be named")
        if info.role in weights:
            raise OperatorError(400, f"Role '{info.role}' is named twice")
        weights[info.role] = info.weight
    return commands.UpdateWeights(weights)


def _amounts(scalars: Mapping[str, Scalar]) -> dict[str, int]:
    try:
        return {name: to_milli(scalar.value) for name, scalar in scalars.items()}
    except ResourceError as error:
        raise OperatorError(400, f"Invalid quota: {error}") from None
