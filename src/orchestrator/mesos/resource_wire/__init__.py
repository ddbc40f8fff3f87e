"""Resources as messages (both reservation formats) and as text (``cpus:4;ports:[31000-32000]``)."""

from orchestrator.mesos.resource_wire.messages import from_wire, to_wire
from orchestrator.mesos.resource_wire.text import parse, parse_attributes

__all__ = ["from_wire", "parse", "parse_attributes", "to_wire"]
