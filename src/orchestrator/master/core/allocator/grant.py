"""What comes out of an allocation."""

from __future__ import annotations

import msgspec

from orchestrator.mesos.resources import Resources


class Grant(msgspec.Struct, frozen=True, gc=False):
    """Free resources of one agent, to be offered to one framework in one role."""

    framework_id: str
    role: str
    agent_id: str
    resources: Resources
