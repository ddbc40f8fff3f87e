"""What of an overlay is on this host, noted on disk, so that a later agent can take it away."""

from __future__ import annotations

from pathlib import Path

from orchestrator.agent.adapters.network.overlay.addresses import Overlay, OverlayError, parse
from orchestrator.mesos import codec
from orchestrator.mesos.types import Message

_FILE = "overlay.json"


class Trace(Message):
    """An overlay that this host was connected to, and the agent's subnet."""

    name: str
    network: str
    prefix: int
    port: int
    subnet: int

    @property
    def overlay(self) -> Overlay:
        """The overlay. Raises OverlayError."""
        return parse(self.name, self.network, self.prefix, self.port)


def trace_of(overlay: Overlay, subnet: int) -> Trace:
    """What is to be noted."""
    name, network, prefix, port = overlay
    return Trace(name=name, network=str(network), prefix=prefix, port=port, subnet=subnet)


def read(directory: Path) -> Trace | None:
    """What was noted, if that can be read. Raises OSError."""
    try:
        trace = codec.decode(Trace, (directory / _FILE).read_bytes())
        trace.overlay.subnet(trace.subnet)
    except (FileNotFoundError, codec.DecodeError, OverlayError):
        return None
    return trace


def note(directory: Path, trace: Trace | None) -> None:
    """Note what is here now. Raises OSError."""
    file = directory / _FILE
    if trace is None:
        file.unlink(missing_ok=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f"{_FILE}.new"
    new.write_bytes(codec.encode(trace))
    new.rename(file)
