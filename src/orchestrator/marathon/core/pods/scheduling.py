"""How many instances of a pod there are, where, and what happens when they fail or are replaced.

Source: pod.raml of Marathon 1.11.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from orchestrator.marathon.core.apps.app_parts import (
    Count,
    KillSelection,
    Part,
    UnreachableStrategy,
    UpgradeStrategy,
    always,
)
from orchestrator.marathon.core.pods.parts import Duration, Word


class ScalingKind(Word):
    """Who says how many instances there are."""

    FIXED = "fixed"


class Operator(Word):
    """The operators of constraints."""

    UNIQUE = "UNIQUE"
    CLUSTER = "CLUSTER"
    GROUP_BY = "GROUP_BY"
    LIKE = "LIKE"
    UNLIKE = "UNLIKE"
    MAX_PER = "MAX_PER"
    IS = "IS"


class Scaling(Part):
    """How many instances there are to be; ``maxInstances`` is kept and means nothing."""

    kind: ScalingKind
    instances: Count = always(default=1)
    max_instances: Count | None = None


class Backoff(Part):
    """How long launches wait after failures; durations in seconds."""

    backoff: Duration = always(default=1.0)
    backoff_factor: Annotated[float, Meta(ge=0, le=1e6)] = always(default=1.15)
    max_launch_delay: Duration = always(default=300.0)


class PodConstraint(Part):
    """A constraint of an app, with names for its parts."""

    field_name: str
    operator: Operator
    value: str | None = None


class Placement(Part):
    """Where instances may be."""

    constraints: list[PodConstraint] = []
    accepted_resource_roles: list[str] = []


class Scheduling(Part):
    """When and where instances start, and which end first.

    What a client leaves out of the two strategies follows from the pod's volumes (``residency``).
    """

    backoff: Backoff = always(default=Backoff())
    upgrade: UpgradeStrategy | None = None
    placement: Placement = Placement()
    kill_selection: KillSelection = always(default=KillSelection.YOUNGEST_FIRST)
    unreachable_strategy: UnreachableStrategy | None = None
