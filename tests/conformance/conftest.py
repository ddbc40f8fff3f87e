"""One cluster for all conformance tests; those that break theirs start their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.cluster import Cluster

FAST = ("--allocation-interval-s", "0.1", "--heartbeat-interval-s", "0.5")


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """The shared cluster, once nothing of the test before is left on it."""
    shared_cluster.wait_until_idle()
    return shared_cluster


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and three agents; every test tears its frameworks down."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), 3, *FAST)
    yield cluster
    cluster.stop()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of one test's own, that is patient with agents."""
    cluster = Cluster(tmp_path, 2, *FAST)
    yield cluster
    cluster.stop()


@pytest.fixture
def fragile_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of one test's own, whose master gives an agent up after a second."""
    pings = ("--agent-ping-timeout-s", "0.25", "--max-agent-ping-timeouts", "4")
    cluster = Cluster(tmp_path, 2, *FAST, *pings)
    yield cluster
    cluster.stop()
