"""How a command of an operator is refused."""

from __future__ import annotations

from orchestrator.mesos.calls import OperatorError

__all__ = ["OperatorError"]
