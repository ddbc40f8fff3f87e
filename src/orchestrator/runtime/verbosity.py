"""How much is logged: glog's verbosity, 0 to 9, of which 0 is Python's INFO and the rest DEBUG."""

from __future__ import annotations

import asyncio
import logging

from orchestrator.mesos.calls import OperatorError

MAX_LEVEL = 9
MAX_DURATION_S = 7 * 86400.0


class Verbosity:
    """The level of the root logger, raised for a while at a time."""

    def __init__(self) -> None:
        self.level = 0
        self._usual = logging.getLogger().level
        self._end: asyncio.TimerHandle | None = None

    def raise_to(self, level: int, duration_s: float) -> None:
        """Log with a verbosity for so long, then as before. Raises OperatorError."""
        if not 0 <= level <= MAX_LEVEL:
            raise OperatorError(400, f"The logging level {level} is not between 0 and {MAX_LEVEL}")
        if not 0 < duration_s <= MAX_DURATION_S:
            raise OperatorError(
                400, f"The duration must be over 0 and at most {MAX_DURATION_S:g} s"
            )
        if self._end is None:
            self._usual = logging.getLogger().level
        else:
            self._end.cancel()
        self.level = level
        logging.getLogger().setLevel(logging.DEBUG if level else self._usual)
        self._end = asyncio.get_running_loop().call_later(duration_s, self._back_to_usual)

    def _back_to_usual(self) -> None:
        self.level, self._end = 0, None
        logging.getLogger().setLevel(self._usual)
