"""What the endpoints of a master work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.master.adapters.measures import Measures
from orchestrator.master.adapters.operating import Operating
from orchestrator.master.adapters.streams import IdSource, Outlets
from orchestrator.master.adapters.v1_files import Files
from orchestrator.master.core import gauges
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import Input, Send
from orchestrator.master.core.state import State
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.verbosity import Verbosity


@dataclass(slots=True)
class Service:
    """One master at work, as its HTTP endpoints see it."""

    master: Master
    driver: Driver[Input, Send]
    outlets: Outlets
    measures: Measures
    new_id: IdSource
    operating: Operating = field(init=False)
    files: Files = field(init=False)
    verbosity: Verbosity = field(default_factory=Verbosity)

    def __post_init__(self) -> None:
        self.operating = Operating(self.driver, self.outlets)
        log = self.state.config.log_file
        self.files = Files({"/master/log": Path(log)} if log else {})

    @property
    def state(self) -> State:
        """The core's state, for reading."""
        return self.master.state

    @property
    def max_unread_bytes(self) -> int:
        """What a reader of events may leave unread."""
        return self.state.config.max_unread_bytes

    def figures(self) -> dict[str, float]:
        """/metrics/snapshot: every figure by its Mesos name, in order."""
        measured = self.measures.figures(self.driver)
        return dict(sorted((gauges.snapshot(self.state) | measured).items()))
