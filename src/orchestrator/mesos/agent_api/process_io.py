"""What goes into a process and comes out of it, one record of a stream each.

Source: ``ProcessIO`` in include/mesos/v1/agent/agent.proto; what is checked of input is in
src/slave/containerizer/mesos/io/switchboard.cpp (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import DurationInfo, Message, TTYInfo


class IOType(StrEnum):
    """Bytes, or something about the connection."""

    UNKNOWN = "UNKNOWN"
    DATA = "DATA"
    CONTROL = "CONTROL"


class DataType(StrEnum):
    """Which of a process' three streams."""

    UNKNOWN = "UNKNOWN"
    STDIN = "STDIN"
    STDOUT = "STDOUT"
    STDERR = "STDERR"


class Data(Message):
    """Some bytes; no bytes of STDIN mean its end."""

    type: DataType = DataType.UNKNOWN
    data: bytes | None = None


class ControlType(StrEnum):
    """What can be said about a connection."""

    UNKNOWN = "UNKNOWN"
    TTY_INFO = "TTY_INFO"
    HEARTBEAT = "HEARTBEAT"


class Heartbeat(Message):
    """That the sender is there; the next is due after the interval."""

    interval: DurationInfo | None = None


class Control(Message):
    """The new size of a terminal, or a heartbeat."""

    type: ControlType = ControlType.UNKNOWN
    tty_info: TTYInfo | None = None
    heartbeat: Heartbeat | None = None


class ProcessIO(Message):
    """One record."""

    type: IOType = IOType.UNKNOWN
    data: Data | None = None
    control: Control | None = None

    def problem_as_input(self) -> str | None:
        """What is wrong with it as input for a process."""
        match self:
            case ProcessIO(type=IOType.UNKNOWN):
                return "'process_io.type' is unknown"
            case ProcessIO(type=IOType.DATA):
                return _data_problem(self.data)
            case ProcessIO(control=control):
                return _control_problem(control)


def _data_problem(data: Data | None) -> str | None:
    if data is None:
        return "Expecting 'process_io.data' to be present"
    if data.type is not DataType.STDIN:
        return "Expecting 'process_io.data.type' to be 'STDIN'"
    return "Expecting 'process_io.data.data' to be present" if data.data is None else None


def _control_problem(control: Control | None) -> str | None:
    match control:
        case None:
            return "Expecting 'process_io.control' to be present"
        case Control(type=ControlType.UNKNOWN):
            return "'process_io.control.type' is unknown"
        case Control(type=ControlType.HEARTBEAT, heartbeat=None):
            return "Expecting 'process_io.control.heartbeat' to be present"
        case Control(type=ControlType.TTY_INFO, tty_info=None):
            return "Expecting 'process_io.control.tty_info' to be present"
        case Control(type=ControlType.TTY_INFO, tty_info=TTYInfo(window_size=None)):
            return "Expecting 'tty_info.window_size' to be present"
    return None


def output(stream: DataType, data: bytes) -> ProcessIO:
    """Bytes that a process wrote."""
    return ProcessIO(type=IOType.DATA, data=Data(type=stream, data=data))


def heartbeat(interval_s: float) -> ProcessIO:
    """Says that the connection is alive."""
    beat = Heartbeat(interval=DurationInfo(nanoseconds=int(interval_s * 1e9)))
    return ProcessIO(
        type=IOType.CONTROL, control=Control(type=ControlType.HEARTBEAT, heartbeat=beat)
    )
