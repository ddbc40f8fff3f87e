"""Why an agent cannot go on, for whoever runs it."""

from __future__ import annotations


class AgentError(Exception):
    """The agent cannot go on; the text is one sentence for the operator."""


class AgentRefusedError(AgentError):
    """The master will not have this agent."""


class NoSupervisorError(AgentError):
    """The process that runs the tasks cannot be started."""
