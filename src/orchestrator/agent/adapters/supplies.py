"""What a task finds when it starts, besides its image: fetched files and secrets."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.agent.adapters.fetcher import Fetcher
from orchestrator.agent.adapters.secrets import SecretFiles


class Supplies(NamedTuple):
    """Where both come from. ``switch_user``: files of this machine are read as the task's user."""

    fetcher: Fetcher
    secret_files: SecretFiles
    switch_user: bool = False
