"""A Docker Engine for the tests of probes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.support.docker_engine import DockerEngine, DockerEngineError, docker_engine


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """One Engine for all tests."""
    try:
        with docker_engine() as engine:
            yield engine
    except DockerEngineError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Docker Engine: {error}")


@pytest.fixture
def clean_engine(engine: DockerEngine) -> Iterator[DockerEngine]:
    """The Engine; no container of this test is left in it."""
    yield engine
    for container in engine.containers():
        engine.request("DELETE", f"/containers/{container['Id']}?force=1")
