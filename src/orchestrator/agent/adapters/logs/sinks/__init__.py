"""Where log records can be sent, one module each. Another place is one more class and one line."""

from orchestrator.agent.adapters.logs.sinks.opening import sink_from
from orchestrator.agent.adapters.logs.sinks.sink import LogSink, RefusedError, SinkError

__all__ = ["LogSink", "RefusedError", "SinkError", "sink_from"]
