"""A Marathon of its own for every rule, on a master in the test."""

from tests.integration.marathon.conftest import api, marathon, master, start

__all__ = ["api", "marathon", "master", "start"]
