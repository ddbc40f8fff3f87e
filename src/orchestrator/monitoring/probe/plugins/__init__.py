"""Plug-ins: programs of others that know more of what the probe sees, asked over unix sockets.

The protocol is that of Weave Scope, so its plug-ins go on working. ``parsing`` reads their reports
(pure), ``source`` finds and asks them. ``orchestrator.monitoring.plugin`` helps to write one.
"""
