"""What containerizers are given besides: here nothing is fetched, and nothing is secret."""

from __future__ import annotations

from pathlib import Path

from orchestrator.agent.adapters.fetcher import Fetcher, Limits
from orchestrator.agent.adapters.secrets import SecretFiles
from orchestrator.agent.adapters.secrets.resolver import ValueResolver
from orchestrator.agent.adapters.supplies import Supplies


def supplies(directory: Path) -> Supplies:
    """Below a directory of their own."""
    limits = Limits(max_bytes=0, stall_s=1.0, total_s=1.0)
    fetcher = Fetcher(directory / "fetcher", limits, cache_bytes=0)
    return Supplies(fetcher, SecretFiles(directory, ValueResolver()))
