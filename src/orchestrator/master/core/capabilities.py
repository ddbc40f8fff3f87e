"""What masters and agents say that they understand, by Mesos' names (mesos.proto)."""

from __future__ import annotations

OF_MASTERS = ("AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2")
OF_AGENTS = (
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
)
