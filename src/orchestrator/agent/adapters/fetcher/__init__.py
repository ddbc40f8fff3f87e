"""Brings what a task's URIs name into its sandbox, before the task starts.

``source`` reads a URI, ``transfer`` moves its bytes into a file within limits (from the network, or
from this machine with the rights of the task's user), ``cache`` keeps files that several tasks
want, ``placing`` puts a finished file into the sandbox, ``fetcher`` does one after the other.

Nothing half done is ever visible: bytes are gathered in a directory of the agent's own and renamed
into place. What the directory holds when the agent starts is thrown away, as Mesos does.
"""

from orchestrator.agent.adapters.fetcher.fetcher import Fetcher
from orchestrator.agent.adapters.fetcher.source import FetchError
from orchestrator.agent.adapters.fetcher.transfer import Limits

__all__ = ["FetchError", "Fetcher", "Limits"]
