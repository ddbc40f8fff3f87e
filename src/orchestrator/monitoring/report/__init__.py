"""What a probe tells the app: pure structs, their limits, and how several reports become one.

``model`` is the report itself, ``ids`` says how nodes are named so that the reports of different
probes meet, ``keys`` the names of values and metrics that have a meaning, ``validity`` what is
refused and with which sentence, ``codec`` how a report travels, ``merging`` what becomes of a node
that several probes report, ``changes`` what has changed from one report to the next. ``agents`` is
what is said beside reports (registration, heartbeat, settings), ``control`` the messages of the
control channel, ``paths`` where all of it goes.

A report is the whole of what a probe sees at one moment, not a change of it: any app can begin with
any report, and a lost one is made good by the next.
"""

from orchestrator.monitoring.report.model import (
    TOPOLOGIES,
    VERSION,
    Connection,
    Node,
    Plugin,
    Protocol,
    Report,
    Topology,
)
from orchestrator.monitoring.report.validity import Limits, ReportError, check

__all__ = [
    "TOPOLOGIES",
    "VERSION",
    "Connection",
    "Limits",
    "Node",
    "Plugin",
    "Protocol",
    "Report",
    "ReportError",
    "Topology",
    "check",
]
