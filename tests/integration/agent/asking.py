"""Asking an agent over its API, and finding a task's sandbox."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from tests.integration.agent.fake_master import AGENT

from orchestrator.agent.server import RunningAgent


async def get(agent: RunningAgent, endpoint: str, /, **query: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(agent.url + endpoint, params=query) as response,
    ):
        return response.status, await response.read()


async def get_json(agent: RunningAgent, endpoint: str, /, **query: str) -> object:
    async with (
        aiohttp.ClientSession() as session,
        session.get(agent.url + endpoint, params=query) as response,
    ):
        assert response.status == 200, await response.text()
        return await response.json()


def sandbox_of(data_dir: Path, name: str) -> Path:
    """The sandbox of the newest container of a task."""
    executor = data_dir / f"slaves/{AGENT.value}/frameworks/m-0000/executors/{name}/runs"
    return executor / "latest"
