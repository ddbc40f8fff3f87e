"""One Marathon for the rules of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.marathon.served import Served


@pytest.fixture(scope="module")
def marathon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A Marathon on three agents; every rule clears its own away."""
    served = Served(tmp_path_factory.mktemp("marathon"))
    yield served
    served.stop()
