"""Makes the sink that a URL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.agent.adapters.logs.sinks.directory import DirectorySink
from orchestrator.agent.adapters.logs.sinks.http import HttpSink
from orchestrator.agent.adapters.logs.sinks.sink import LogSink
from orchestrator.agent.adapters.logs.sinks.syslog import SyslogSink

_SYSLOG = {"syslog": False, "syslog+udp": False, "syslog+tcp": True}
_SYSLOG_PORT = 514


def sink_from(url: str, hostname: str) -> LogSink:
    """file:///directory, syslog[+udp|+tcp]://host[:514], http(s)://... Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return DirectorySink(Path(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname:
        return HttpSink(url)
    if parts.scheme in _SYSLOG and parts.hostname:
        port = parts.port or _SYSLOG_PORT
        return SyslogSink(parts.hostname, port, hostname, is_tcp=_SYSLOG[parts.scheme])
    raise ValueError(
        "logs can be sent to file:///directory, syslog://host:514 (syslog+tcp:// for TCP), "
        "http:// or https://"
    )
