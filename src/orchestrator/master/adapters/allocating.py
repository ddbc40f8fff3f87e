"""Chooses the allocator: the plain one, until a cluster is large and the compiled one is ready.

Up to ``LARGE`` agents at once the plain allocator takes some 15 ms, and a master that never has
more does without numba's 90 MB. The first larger allocation starts a thread that loads the compiled
one; allocations go on meanwhile. A process of its own compiles it the first time: in this one the
compiler would hold the interpreter's lock for half of some 15 seconds. Without the extra ``scale``,
or if it cannot be compiled here, the plain one goes on for good. Both give the same.
"""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
import threading
from contextlib import suppress

from orchestrator.master.core.allocator import drf, fast
from orchestrator.master.core.allocator.drf import Divide
from orchestrator.master.core.allocator.problem import Problem, Share

LARGE = 1_000  # agents in one allocation
_COMPILE_S = 300.0  # then it is compiled here
_COMPILE = (
    "import os; os.nice(10); from orchestrator.master.core.allocator import fast; fast.load()"
)

_log = logging.getLogger(__name__)


class Allocator:
    """Callable as ``drf.divide``."""

    def __init__(self) -> None:
        self._divide: Divide = drf.divide
        self._loading: threading.Thread | None = None

    def __call__(self, problem: Problem) -> list[Share]:
        """Divide what is free."""
        if self._loading is None and len(problem.candidates) > LARGE:
            self._loading = threading.Thread(target=self._load, name="allocator", daemon=True)
            self._loading.start()
        return self._divide(problem)

    @property
    def is_compiled(self) -> bool:
        """Whether the compiled allocator is in use."""
        return self._divide is not drf.divide

    def wait(self, seconds: float) -> None:
        """Wait for the loading, if it has begun."""
        if self._loading is not None:
            self._loading.join(seconds)

    def _load(self) -> None:
        if importlib.util.find_spec("numba") is None:
            _log.info("The cluster is large; the extra 'scale' would make allocation faster")
            return
        try:
            _compile_elsewhere()
            self._divide = fast.load() or drf.divide
        except Exception:  # numba's compiler can fail in many ways, and nothing depends on it
            _log.warning("The compiled allocator cannot be used", exc_info=True)


def _compile_elsewhere() -> None:
    """Fill numba's cache; if that fails, ``fast.load`` does the same here and says why."""
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-P", "-c", _COMPILE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_COMPILE_S,
        )
