"""What those who watch a view are sent; the form of a frame is described in ``form``."""

from orchestrator.monitoring.render.frames.form import (
    FLOWS,
    Frame,
    Head,
    NodeRow,
    from_half,
    read,
    to_half,
)
from orchestrator.monitoring.render.frames.writer import Writer

__all__ = ["FLOWS", "Frame", "Head", "NodeRow", "Writer", "from_half", "read", "to_half"]
